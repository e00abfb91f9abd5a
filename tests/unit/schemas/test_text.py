"""What text from outside may contain."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.text import ZERO_WIDTH, clean_line, clean_text

GOOD = [
    "",
    "Wren Castellan",
    "Łucja Ødegård",
    "842 E 1700 S, #4B",
    "नमस्ते",
    "山田 花子",
    "O\u2019Neil",
    "a\u00a0b",
    "👍🏽",
]
HIDDEN = ["\u200b", "\u200d", "\ufeff", "\u00ad", "\u202e", "\u2066", "\u180e", "\U000e0041"]
UNTYPED = ["\x00", "\x07", "\x1b", "\x7f", "\x85", "\ue000", "\ud800", "\u2028", "\u2029"]


@pytest.mark.parametrize("text", GOOD)
def test_what_people_type_passes_unchanged(text: str) -> None:
    assert clean_line(text) == clean_text(text) == text


@pytest.mark.parametrize("character", HIDDEN)
def test_what_cannot_be_seen_is_refused(character: str) -> None:
    for check in (clean_line, clean_text):
        with pytest.raises(ValueError, match="zero-width or direction"):
            check(f"Wren{character}Castellan")


@pytest.mark.parametrize("character", UNTYPED)
def test_what_nobody_types_is_refused(character: str) -> None:
    for check in (clean_line, clean_text):
        with pytest.raises(ValueError, match="control or private-use"):
            check(f"Wren{character}Castellan")


@pytest.mark.parametrize("character", ["\n", "\r", "\t"])
def test_a_text_may_have_lines_and_a_line_may_not(character: str) -> None:
    text = f"Wren{character}Castellan"

    assert clean_text(text) == text
    with pytest.raises(ValueError, match="one line"):
        clean_line(text)


@given(st.characters(codec="utf-8"))
def test_no_character_of_a_refused_kind_gets_through(character: str) -> None:
    refused = unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} or character in ZERO_WIDTH
    try:
        clean_line(character)
    except ValueError:
        assert refused
    else:
        assert not refused
