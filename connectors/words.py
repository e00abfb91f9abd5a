"""What a column's name suggests. Only ever a guess: for warnings, and for a draft a person goes through. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from schemas.scalars import Code

_GUESSES: Final[dict[Code, frozenset[str]]] = {
    "national_id": frozenset({"ssn", "passport", "taxid", "licence", "license", "nin"}),
    "customer_records": frozenset({"card", "iban", "bic", "cvc", "cvv", "payment", "bank"}),
    "protected": frozenset({"birth", "birthday", "birthdate", "dob", "gender", "sex", "age", "religion", "ethnicity"}),
    "geolocation": frozenset({"latitude", "longitude", "lat", "lon", "lng", "geo"}),
    "internet_activity": frozenset({"ip", "cookie", "agent", "browser", "pages", "session", "referrer", "visited"}),
    "employment": frozenset({"salary", "hired", "hire", "job"}),
    "identifiers": frozenset(
        {
            "address", "city", "company", "contact", "country", "email", "fax", "firstname", "lastname", "login",
            "mail", "mobile", "name", "password", "phone", "photo", "postal", "postcode", "recipient", "region",
            "state", "street", "surname", "target", "tel", "telephone", "user", "username", "zip",
        }
    ),
    "commercial": frozenset(
        {"amount", "freight", "invoice", "order", "price", "quantity", "shipped", "total", "tracking", "unit"}
    ),
}  # fmt: skip
"""Categories and the words that suggest them, the most telling first."""
_PERSONAL: Final = frozenset({*_GUESSES} - {"commercial", "employment"})
_VAGUE: Final = frozenset({"city", "company", "contact", "country", "region", "state", "target", "unit", "user", "job"})
"""Suggest a category beside others, but alone are no sign of a person."""
_SECRET: Final = frozenset({"password", "passwd", "hash", "salt", "secret", "ssn", "passport", "taxid", "card", "iban",
                            "cvc", "cvv", "licence", "license"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Guess:
    """What a name suggests: a category; whether it looks personal; whether its values must never be shown."""

    category: Code
    personal: bool
    secret: bool


def words(name: str) -> list[str]:
    """The words of a name such as `billing_address`, `BillingAddress` or `billing-address`."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return re.findall(r"[a-z]+", apart.lower())


def guess(name: str) -> Guess:
    """Guess from a column's name. A key that points at a row is no value of a person's."""
    said = words(name)
    telling = frozenset(said)
    if said and said[-1] in {"id", "key", "number"} and not telling & _SECRET:
        return Guess("identifiers" if said[-1] == "id" else _category(telling), personal=False, secret=False)
    category = _category(telling)
    personal = category in _PERSONAL and bool(telling & _GUESSES[category] - _VAGUE)
    return Guess(category, personal=personal, secret=bool(telling & _SECRET))


def _category(said: frozenset[str]) -> Code:
    return next((category for category, some in _GUESSES.items() if said & some), "identifiers")
