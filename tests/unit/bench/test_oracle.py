"""The measure of indistinguishability: silent about the same; it speaks up at 50 ms, at texts, at what is missing."""

import random
from collections import Counter

from bench.apart import ALL, ALPHA, Side, apart, compare, lines
from bench.oracle import masked

EACH = 500


def a_side(seed: int, *, later_ms: float = 0, text: str = "Dear #", busier: float = 0) -> Side:
    """Times as a system has them: a hundred milliseconds, give or take thirty, and more the busier the machine is."""
    draw, side = random.Random(seed), Side()
    for what in ("status open 1", "letter acknowledgement 1", "letter unverified 1"):
        more = later_ms if what.startswith("letter u") else 0
        side.times[what] = [(at, draw.gauss(100, 30) + more + at * busier) for at in range(EACH)]
        if what.startswith("letter"):
            side.texts[what.removeprefix("letter ")] = Counter({text: EACH})
    return side


def test_equal_sides_are_not_told_apart() -> None:
    assert compare(a_side(1), a_side(2), expected=EACH)["wrong"] == []


def test_fifty_milliseconds_are_noticed_where_they_are() -> None:
    told = apart(a_side(1, later_ms=50).times, a_side(2).times)

    assert {what for what, p in told.items() if p < ALPHA} == {"letter unverified 1", ALL}


def test_what_is_wide_everywhere_is_noticed_together_though_by_no_time_alone() -> None:
    sides = [Side(), Side()]
    for number, side in enumerate(sides):
        draw = random.Random(number)
        for what in range(12):
            side.times[f"status {what}"] = [
                (at + number / 2, draw.gauss(1_000, 500) + 50 * number) for at in range(EACH)
            ]
    found = apart(sides[0].times, sides[1].times)

    assert {what for what, p in found.items() if p < ALPHA} == {ALL}
    assert "told apart: everything together" in "\n".join(lines(compare(*sides, expected=EACH)))


def test_a_verdict_says_each_test_and_whether_50_ms_were_separated() -> None:
    *tests, now, injected = lines(compare(a_side(1), a_side(2), expected=EACH))

    assert len(tests) == 4
    assert all("p " in line and line.endswith("separated") for line in tests)
    assert now == "told apart: by nothing (4 tests, Holm, 0.01)"
    assert injected.startswith("injected 50 ms: separated yes (by everything together, letter acknowledgement 1, ")


def test_a_machine_that_gets_busier_hides_nothing() -> None:
    assert compare(a_side(1, busier=20), a_side(2, busier=20), expected=EACH)["wrong"] == []


def test_holm_makes_every_test_stricter_and_keeps_their_order() -> None:
    first, second = a_side(3, later_ms=4).times, a_side(4).times
    alone = {what: apart({what: first[what]}, {what: second[what]})[what] for what in first}
    together = apart(first, second)

    assert all(together[what] >= alone[what] for what in alone)
    assert sorted(alone, key=together.__getitem__) == sorted(alone, key=alone.__getitem__)


def test_another_text_or_a_missing_letter_is_noticed() -> None:
    short = a_side(2)
    short.times["letter unverified 1"].pop()

    assert any("texts" in line for line in compare(a_side(1, text="Dear customer"), a_side(2), expected=EACH)["wrong"])
    assert any("500 and 499" in line for line in compare(a_side(1), short, expected=EACH)["wrong"])


def test_a_spread_in_which_fifty_milliseconds_drown_is_no_proof() -> None:
    wide = [Side(), Side()]
    for number, side in enumerate(wide):
        draw = random.Random(number)
        side.times["status open 1"] = [(at, draw.gauss(5_000, 3_000)) for at in range(EACH)]

    assert any("would not be noticed" in line for line in compare(*wide, expected=EACH)["wrong"])


def test_only_references_are_masked() -> None:
    request, code = "5b3f2a10-9c7e-8d21-a4b0-000000000001", "0123456789abcdef" * 2
    text = f"Dear Ada Quill, by 2026-03-02 12:05 UTC: {request}, {code}"

    assert masked(text, "Ada Quill") == "Dear #, by 2026-03-02 #: #, #"
