"""The catalogs hold a translation for every message, and what the program reads is what translators wrote."""

import re
from gettext import GNUTranslations

import pytest

from tests import messages

BOTH = [(domain, language) for domain, languages in messages.LANGUAGES.items() for language in languages]


@pytest.mark.parametrize(("domain", "language"), BOTH)
def test_every_message_has_its_translation(domain: str, language: str) -> None:
    known = messages.read(domain, language)
    for context, message in messages.wanted(domain):
        first = message if isinstance(message, str) else message[0]
        found = known.get(first, context or None)
        assert found, f"{domain}/{language} lacks {first!r}: run `python -m tests.messages`, and translate it"
        said = messages.said(found)
        assert all(said), f"{first!r} has no translation in {domain}/{language}"
        assert not found.fuzzy
        for each in said:
            assert _holes(each) == _holes(first), f"{first!r} has other placeholders in {domain}/{language}"


@pytest.mark.parametrize(("domain", "language"), BOTH)
def test_nothing_is_translated_that_nobody_says(domain: str, language: str) -> None:
    wanted = {(context, each if isinstance(each, str) else each[0]) for context, each in messages.wanted(domain)}
    known = {
        (each.context or "", each.id if isinstance(each.id, str) else each.id[0])
        for each in messages.read(domain, language)
        if each.id
    }
    assert known <= wanted


@pytest.mark.parametrize(("domain", "language"), BOTH)
def test_the_compiled_catalog_is_that_of_the_text(domain: str, language: str) -> None:
    with messages.path_of(domain, language, ".mo").open("rb") as file:
        compiled = GNUTranslations(file)
    for each in messages.read(domain, language):
        if isinstance(each.id, str) and each.id:
            said = compiled.pgettext(each.context, each.id) if each.context else compiled.gettext(each.id)
            assert [said] == messages.said(each), "run `python -m tests.messages`"
        elif each.id:
            one, many = each.id
            assert {compiled.ngettext(one, many, number) for number in range(200)} == set(messages.said(each))


def _holes(text: str) -> list[str]:
    """The placeholders of a message, in any order."""
    return sorted(re.findall(r"\{[a-z_]*\}", text))
