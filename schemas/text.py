"""What text from outside may contain. Pure."""

import unicodedata
from typing import Final

ZERO_WIDTH: Final = frozenset(
    "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
"""The invisible characters that are met in practice, for who would rather drop than refuse them."""
_BREAKS: Final = frozenset("\n\r\t")
_HIDDEN: Final = "Cf"
"""Unicode's format characters: zero-width ones, soft hyphens, and those that turn the direction of writing."""
_UNTYPED: Final = frozenset({"Cc", "Cs", "Co", "Zl", "Zp"})
"""Control, half a surrogate pair, private use, line and paragraph separators. Not: unassigned, which newer versions of
Unicode turn into letters and signs."""


def clean_text(text: str) -> str:
    """Refuse characters nobody types: control, NUL and zero-width ones; line breaks and tabs may stay.

    Raises:
        ValueError: names the kind of character, never the text.
    """
    if text.isprintable():
        return text
    found = {unicodedata.category(character) for character in text if character not in _BREAKS}
    if _HIDDEN in found:
        message = "must not contain zero-width or direction characters"
        raise ValueError(message)
    if found & _UNTYPED:
        message = "must not contain control or private-use characters"
        raise ValueError(message)
    return text


def clean_line(text: str) -> str:
    """Refuse what `clean_text` refuses, and line breaks and tabs too: what is put into a letter's line stays one line.

    Raises:
        ValueError: names the kind of character, never the text.
    """
    if not _BREAKS.isdisjoint(text):
        message = "must be one line, without tabs"
        raise ValueError(message)
    return clean_text(text)
