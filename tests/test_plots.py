"""Plots are well-formed SVG, in proportion, and cannot be made to say anything but text."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from aggregator.web import plots

NUMBERS = st.lists(st.integers(0, 10**9) | st.floats(0, 1e9), max_size=40)
WICKED = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"]), max_size=20)


def boxes(svg: str, name: str = "bar") -> list[tuple[float, float]]:
    """Where each box of a class begins, and how high it is."""
    drawn = re.findall(rf'<path class="{name}" d="([^"]*)"', svg)
    return [(float(x), float(height)) for path in drawn for x, height in re.findall(r"M(\d+) [\d.e-]+v-([\d.]+)", path)]


def test_the_highest_is_as_high_as_the_plot_and_nothing_is_not_drawn() -> None:
    assert boxes(plots.bars([0, 5, 10], "t")) == [(10, 50), (20, 100)]
    assert boxes(plots.bars([0, 0], "t")) == boxes(plots.bars([], "t")) == []


def test_little_can_be_seen() -> None:
    (_, low), _ = boxes(plots.bars([1, 10**6], "t"))
    assert 1 <= low <= 3


def test_what_stands_out_is_a_class_of_its_own() -> None:
    svg = plots.bars([5, 10], "t", bad={1})
    assert (boxes(svg), boxes(svg, "bar bad")) == ([(0, 50)], [(10, 100)])


def test_layers_stand_on_each_other() -> None:
    svg = plots.stacked([[1, 2], [3, 0]], "t")
    assert boxes(svg, "c0") == [(0, 25), (10, 50)]
    assert boxes(svg, "c1") == [(0, 75)]
    assert 'class="c1" d="M0 75v' in svg  # from the top of the first layer


@pytest.mark.parametrize("columns", [[], [[]], [[0, 0]]])
def test_nothing_is_a_plot_too(columns: Sequence[Sequence[float]]) -> None:
    assert etree.fromstring(plots.stacked(columns, "none"))[0].text == "none"


@given(NUMBERS, WICKED, st.booleans())
@settings(max_examples=60)
def test_any_numbers_and_words_are_well_formed(values: list[float], words: str, labelled: bool) -> None:
    for svg in (
        plots.bars(values, words, [words] * len(values) if labelled else ()),
        plots.stacked([values, values], words, [words] * len(values) if labelled else ()),
    ):
        tree = etree.fromstring(svg)
        titles = tree.findall(".//{*}title")
        assert {title.text or "" for title in titles} == {words}
        assert len(titles) == 1 + (len(values) if labelled else 0)
        assert {etree.QName(each).localname for each in tree.iter()} <= {"svg", "title", "path"}
        assert not re.search(r"nan|inf", " ".join(each.get("d", "") for each in tree.iter()))
