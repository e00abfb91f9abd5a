"""How single values are written: ids, codes, lines, moments, capabilities; and each rule in a person's words."""

from datetime import date
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints

from schemas.text import clean_line, clean_text

_ID: Final = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_SLUG: Final = r"^[a-z0-9][a-z0-9-]{0,39}$"
_CODE: Final = r"^[a-z0-9][a-z0-9_.-]{0,63}$"
_OPAQUE: Final = r"^[A-Za-z0-9._-]{1,64}$"
_COUNTRY: Final = r"^[A-Z]{2}$"
_REGION: Final = r"^[A-Z0-9]{1,3}$"
_LOCALE: Final = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"
_EMAIL: Final = r"^[^\s@]{1,64}@[^\s@.]+(\.[^\s@.]+)+$"
_AMOUNT: Final = r"^\d{1,9}([.,]\d{1,2})?$"
_PART: Final = r"^[a-z0-9:_/.-]{1,120}$"

SPELT: Final = {
    _ID: "must be an id as we gave it: a UUID in lower case",
    _SLUG: "must be lower-case letters, digits and hyphens, 40 at most",
    _CODE: "must be lower-case letters, digits, dots, hyphens and underscores, 64 at most",
    _OPAQUE: "must be letters, digits, dots, hyphens and underscores, 64 at most",
    _COUNTRY: "must be two capital letters as in ISO 3166-1, such as US",
    _REGION: "must be what follows the hyphen in ISO 3166-2, such as CA",
    _LOCALE: "must be a language tag such as en-US",
    _EMAIL: "must be an e-mail address with a domain, such as name@example.org",
    _AMOUNT: "must be an amount as text, such as 12.50",
    _PART: "must be the name of a part, such as own/system:billing",
}
"""Pattern -> what a text must look like, for the answer to who wrote it otherwise."""

RequestId = Annotated[str, StringConstraints(pattern=_ID)]
"""UUID-shaped, lower case; derived by keyed hash, so that nobody can guess one."""
CaseId = RequestId
Slug = Annotated[str, StringConstraints(pattern=_SLUG)]
"""A name in topics and part ids: lower case, digits, hyphens; no dot, so that no prefix covers another."""
Code = Annotated[str, StringConstraints(pattern=_CODE)]
OpaqueId = Annotated[str, StringConstraints(pattern=_OPAQUE)]
PartId = Annotated[str, StringConstraints(pattern=_PART)]
CountryCode = Annotated[str, StringConstraints(pattern=_COUNTRY)]
RegionCode = Annotated[str, StringConstraints(pattern=_REGION)]
Locale = Annotated[str, StringConstraints(pattern=_LOCALE, max_length=35)]
Amount = Annotated[str, StringConstraints(pattern=_AMOUNT)]

Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(clean_line)]
"""One line of text: no control, NUL or zero-width characters, 200 characters at most; may be empty."""
Filled = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(clean_line)
]
"""A line that says something."""
ShortLine = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64), AfterValidator(clean_line)]
Number = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64), AfterValidator(clean_line)
]
"""An account, order or tracking number as typed."""
Message = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4_000), AfterValidator(clean_text)]
Email = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=_EMAIL, max_length=254), AfterValidator(clean_line)
]
"""Something with a local part and a domain of two labels; whether it exists is not asked."""
Phone = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=5, max_length=64), AfterValidator(clean_line)
]


def _written(value: object) -> object:
    """A moment is text with its parts in sight; a bare number would be guessed at."""
    if isinstance(value, date) or (isinstance(value, str) and value[4:5] == "-"):
        return value
    message = "must be written as in 2026-06-01 or 2026-06-01T12:00:00Z"
    raise ValueError(message)


Moment = Annotated[AwareDatetime, BeforeValidator(_written)]
"""A moment as outsiders write it: RFC 3339, with its zone."""
Day = Annotated[date, BeforeValidator(_written)]


class Hidden(str):
    """A text that only shows where it must travel: in JSON and to who compares it; never printed."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'**********'"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return repr(self)


Token = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    AfterValidator(Hidden),
    Field(json_schema_extra={"format": "password"}),
]
"""A capability: whoever shows it may answer."""
Assertion = Annotated[
    str,
    StringConstraints(min_length=1, max_length=8_192),
    AfterValidator(Hidden),
    Field(json_schema_extra={"format": "password"}),
]
"""A signed statement about an account session: a JWS in compact form."""
