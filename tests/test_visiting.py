"""Which of the sources that are due are visited now."""

from collections import Counter
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model import HostRule
from aggregator.visiting import AT_ONCE, PER_HOST, choose

KEYS = st.builds("https://{}.example/{}".format, st.sampled_from("abc"), st.integers(0, 40))


def feeds(host: str, number: int) -> list[str]:
    return [f"https://{host}/{each}" for each in range(number)]


@given(st.lists(KEYS), st.sets(KEYS, max_size=12), st.sets(KEYS))
@settings(max_examples=100)
def test_no_source_twice_none_that_rests_and_few_of_a_host(
    wanted: list[str], under_way: set[str], resting: set[str]
) -> None:
    chosen = choose(wanted, under_way, resting, ())
    assert len(set(chosen)) == len(chosen)
    assert not set(chosen) & (under_way | resting)
    assert chosen == sorted(chosen, key=wanted.index), "in the order in which they were wanted"
    hosts = Counter(urlsplit(key).hostname for key in under_way)
    for key in chosen:
        hosts[urlsplit(key).hostname] += 1
        assert hosts[urlsplit(key).hostname] <= PER_HOST
    for key in set(wanted) - set(chosen) - under_way - resting:
        assert hosts[urlsplit(key).hostname] >= PER_HOST, f"{key} has room"


@pytest.mark.parametrize(
    ("wanted", "rules", "number"),
    [
        (feeds("a.example", 50) + feeds("b.example", 3), (), PER_HOST + 3),
        (feeds("a.blogs.example", 9) + feeds("b.blogs.example", 9), (), 18),
        (feeds("a.blogs.example", 9) + feeds("b.blogs.example", 9), (HostRule("blogs.example"),), PER_HOST),
        ([f"https://{number}.example/" for number in range(2 * AT_ONCE)], (), AT_ONCE),
        (["http://[broken/", "http://[broken/", "rsshub://bbc/world"], (), 2),
    ],
)
def test_room(wanted: list[str], rules: tuple[HostRule, ...], number: int) -> None:
    assert len(choose(wanted, (), (), rules)) == number
