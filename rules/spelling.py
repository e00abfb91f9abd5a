"""Text as compared: one form per thing people write in several ways, and a folded second one. Pure."""

import unicodedata
from typing import Final

from schemas.text import ZERO_WIDTH

_DROPPED: Final = dict.fromkeys(map(ord, ZERO_WIDTH))
_QUOTES: Final = str.maketrans({"‘": "'", "’": "'", "ʼ": "'", "´": "'", "`": "'", "“": '"', "”": '"', "„": '"'})
_DASHES: Final = str.maketrans(dict.fromkeys("‐‑‒–—―−﹘﹣－", "-"))
_LETTERS: Final = str.maketrans(
    {"ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ħ": "h", "ŧ": "t"}
)
_DOTTED_I: Final = "i\u0307"
"""What İ becomes in lower case; no alphabet means anything else by it."""


def tidy(raw: str) -> str:
    """NFKC, without control and zero-width characters, white space collapsed; case is kept."""
    if raw.isascii() and raw.isprintable():
        return " ".join(raw.split())
    typed = raw.translate(_DROPPED).translate(_QUOTES).translate(_DASHES)
    text = "".join(map(_visible, unicodedata.normalize("NFKC", typed))).translate(_DASHES)
    return " ".join(unicodedata.normalize("NFKC", text).split())


def plain(raw: str) -> str:
    """Tidy text in the form that ignores case: casefolded, so that ß is ss, and İ is i; diacritics stay."""
    text = tidy(raw).casefold()
    return text if text.isascii() else unicodedata.normalize("NFKC", text).replace(_DOTTED_I, "i")


def lower(raw: str) -> str:
    """Tidy text in lower case where ß stays ß: for what another host reads letter by letter."""
    return tidy(raw).lower().replace(_DOTTED_I, "i")


def folded(text: str) -> str:
    """Plain text without diacritics: a second form, since it makes different people's names equal."""
    text = plain(text)
    if text.isascii():
        return text
    spread = unicodedata.normalize("NFKD", text)
    bare = "".join(c for c in spread if not unicodedata.combining(c)).translate(_LETTERS)
    return " ".join(bare.split())


def _visible(character: str) -> str:
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn"} else character
