"""The order of names by language. What is expected here is what Unicode::Collate::Locale of Perl says."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.collation import order


@pytest.mark.parametrize(
    ("language", "names"),
    [
        ("en", "10 2024 Äpfel apple C++ cafe café Cafés Eclair éclair œuvre strasse straße zebra"),
        ("de", "Apfel Ärger Arm Obst Öl Strasse Straße Übung Uhr Zug"),
        ("fr", "cote coté côte côté Ecole école œil oeuf zèbre"),
        ("es", "anillo año llave luz niño nube ñandú oso"),
        ("sv", "Apa Ost Vatten Yta Zebra Åka Ärlig Öl"),
        ("sv-FI", "Zebra Åka"),
        ("da", "a ab o z æ ø å"),
        ("pl", "ala ąb las lód łza mozg mózg zero źle żaba"),
        ("tr", "cok çok dağ dal hız ırk irk iz oz öz sey şey"),
        ("ru", "ежи ёлка ель игла икс йог йод яблоко"),
        ("uk", "гора ґанок ера єнот игла ікс їжак йод яма"),
        ("ar", "أخبار تقنية ثقافة رياضة علوم"),
        ("ja", "アニメ あめ いえ がく 亜 愛 大阪 東京"),
        ("zh-CN", "2024 tech Web 阿里 北京 财经 国际 科技 上海 体育 新闻 娱乐 中文"),
        ("zh-Hant-TW", "一 中文 科技 娛樂 財經 國際 新聞 體育"),
        ("ko", "가방 나무 다리"),
    ],
)
def test_order(language: str, names: str) -> None:
    mixed = random.sample(names.split(), len(names.split()))
    assert sorted(mixed, key=order(language)) == names.split()


def test_rare_characters_stand_behind_common_ones() -> None:
    assert sorted("鑫新中圖", key=order("zh")) == ["新", "中", "鑫", "圖"]


@given(st.text(), st.text(), st.sampled_from(["en", "sv", "zh", "zh-TW", "ja", "tr"]))
def test_the_same_key_is_the_same_name(one: str, other: str, language: str) -> None:
    key = order(language)
    assert key(one) == key(one)
    assert (key(one) < key(other)) != (key(other) < key(one)) or key(one) == key(other)
