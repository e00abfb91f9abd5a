"""What text from outside may contain. Pure."""

import unicodedata

ZERO_WIDTH = frozenset(
    "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_BREAKS = frozenset("\n\r\t")


def clean_text(text: str) -> str:
    """Refuse characters nobody types: control, NUL and zero-width ones; line breaks and tabs may stay.

    Raises:
        ValueError: names the kind of character, never the text.
    """
    for character in text:
        if character in _BREAKS:
            continue
        if character in ZERO_WIDTH:
            message = "must not contain zero-width or direction characters"
            raise ValueError(message)
        if unicodedata.category(character) in {"Cc", "Cs", "Co", "Cn"}:
            message = "must not contain control or unassigned characters"
            raise ValueError(message)
    return text
