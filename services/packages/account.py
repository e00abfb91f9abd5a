"""What a package tells beside the data itself: categories, sources, purposes, recipients, what is withheld. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

from connectors.datamap import DataMap
from connectors.holdings import FieldMap, Held, Outsider
from rules.brands import Brand
from rules.disclosures import CategoryRow, rows_for, two_lists
from schemas.values import Population, Right

CATEGORIES_ONLY: Final = frozenset({Right.KNOW_CATEGORIES, Right.THIRD_PARTY_LIST})
"""Rights answered by an account of categories and recipients, without the pieces themselves."""
STAFF: Final = frozenset({Population.CLIENT_STAFF, Population.EMPLOYEE})
SENSITIVE: Final = "disclosing it could harm its owner (11 CCR 7024(d))"
BUSINESS_CONTACT: Final = "business contact data of staff is outside of the law that applies (PIPEDA, s. 4.01)"
OTHERS: Final = "showing it would infringe the privacy of somebody else (PIPEDA, s. 9(1); GDPR, Art. 15(4))"
_WHY: Final = {"business_contact": BUSINESS_CONTACT, "others": OTHERS}
_WHERE_STAFF_IS_OUTSIDE: Final = "CA-"
_PRACTICES: Final = {
    "sale": "sale of personal data",
    "sharing_for_advertising": "sharing for advertising across sites",
    "sharing_for_marketing": "sharing with others for their own marketing",
    "profiling": "profiling with significant effects",
    "sensitive": "use of sensitive data to infer traits",
}


type_kind = Literal["providers", "third_parties"]
"""Who outside gets data, as the data map lists them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one package answers. `client` is whose instruction it serves; None: the person's own request."""

    request: str
    right: Right
    brand: Brand
    systems: DataMap
    made_on: date
    law: str = ""
    since: date | None = None
    until: date | None = None
    client: str | None = None
    populations: frozenset[Population] = frozenset()

    @property
    def scope(self) -> str:
        """Whose the package is."""
        return self.client or "own"

    @property
    def pieces(self) -> bool:
        """Whether the data itself belongs into it."""
        return self.right not in CATEGORIES_ONLY

    def held(self, table: str) -> Held | None:
        """What the data map says of `system/table`."""
        system, _, name = table.partition("/")
        known = self.systems.systems.get(system)
        return next((held for held in known.held if getattr(held, "name", "") == name), None) if known else None

    def fields(self, table: str) -> Mapping[str, FieldMap]:
        """The fields the data map declares for `system/table`."""
        return getattr(self.held(table), "fields", {})

    @property
    def business_outside(self) -> bool:
        """Whether business contact data of this person is outside of the law."""
        return self.law.startswith(_WHERE_STAFF_IS_OUTSIDE) and bool(self.populations) and self.populations <= STAFF


def withhold(asked: Asked, table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as it may be handed out: what the law leaves out is said to be held, and not shown."""
    if not asked.business_outside:
        return dict(row)
    fields = asked.fields(table)
    outside = {name for name, about in fields.items() if about.business_contact}
    return {
        name: {"held": True, "type": fields[name].type or name, "why": "business_contact"}
        if name in outside and value is not None and not is_held(value)
        else value
        for name, value in row.items()
    }


def is_held(value: Any) -> bool:  # noqa: ANN401  any JSON value
    """Whether a value stands for one that is held and not shown."""
    return isinstance(value, dict) and value.get("held") is True


def why_withheld(value: Mapping[str, Any]) -> str:
    """The reason a value is not shown."""
    return _WHY.get(str(value.get("why")), SENSITIVE)


def account(asked: Asked, counts: Mapping[str, int], withheld: Iterable[tuple[str, str, str]]) -> dict[str, Any]:
    """Everything a package says, as plain JSON values in a fixed order.

    `counts` is rows per `system/table`; `withheld` names table, type and reason.
    """
    told: dict[str, Any] = {
        "request": asked.request,
        "right": asked.right.value,
        "company": asked.brand.operator_on(asked.made_on).name,
        "brand": asked.brand.name,
        "law": asked.law or None,
        "made_on": asked.made_on.isoformat(),
        "covers": {
            "since": asked.since.isoformat() if asked.since else None,
            "until": (asked.until or asked.made_on).isoformat(),
        },
        "collected": bool(counts),
        "held": [_holding(asked, table, number) for table, number in sorted(counts.items())],
        "withheld": [{"table": t, "type": kind, "why": why} for t, kind, why in sorted(set(withheld))],
    }
    return told | (_of_the_brand(asked) if asked.client is None else {})


def _holding(asked: Asked, table: str, number: int) -> dict[str, Any]:
    held = asked.held(table)
    categories: Sequence[str] = getattr(held, "categories", None) or ([held.category] if held else [])
    return {
        "table": table,
        "records": number,
        "categories": list(categories),
        "source": held.source if held else None,
        "purposes": list(held.purposes) if held else [],
        "recipients": list(held.recipients) if held else [],
        "providers": _getting(asked, table, categories, "providers"),
        "third_parties": _getting(asked, table, categories, "third_parties"),
    }


def _getting(asked: Asked, table: str, categories: Sequence[str], kind: type_kind) -> list[str]:
    """Those of a kind who get something of these categories from a table's system, by name.

    What is held for a client goes to no third party.
    """
    system = asked.systems.systems.get(table.partition("/")[0])
    some: Sequence[Outsider] = getattr(system, kind) if system else ()
    if asked.client and kind == "third_parties":
        return []
    return [one.name for one in some if one.gets(asked.brand.id, categories)]


def _of_the_brand(asked: Asked) -> dict[str, Any]:
    """The answer about categories, the two lists, and what there is to opt out of.

    Source: Civ. Code 1798.110(c), 1798.115, 1798.130(a)(3)-(4).
    """
    rows = rows_for(asked.brand.categories, asked.populations or Population)
    sold, disclosed = two_lists(rows)
    return {
        "categories": [_category(row) for row in rows],
        "sold_or_shared": {to.value: [c.value for c in what] for to, what in sold.items()},
        "disclosed_for_a_business_purpose": {to.value: [c.value for c in what] for to, what in disclosed.items()},
        "practices": [
            {"what": words, "done": practice.done, "note": practice.note}
            for name, words in _PRACTICES.items()
            for practice in [getattr(asked.brand.practices, name)]
        ],
        "providers": sorted(_outsiders(asked, "providers")),
        "third_parties": sorted(_outsiders(asked, "third_parties")),
    }


def _category(row: CategoryRow) -> dict[str, Any]:
    return {
        "category": row.category.value,
        "examples": list(row.examples),
        "sources": [origin.value for origin in row.origins],
        "purposes": [purpose.value for purpose in row.purposes],
        "recipients": sorted({to.value for to in (*row.disclosed_to, *row.sold_to, *row.shared_with)}),
    }


def _outsiders(asked: Asked, kind: type_kind) -> set[str]:
    """Those of a kind who get data of such a person, by name."""
    people = asked.populations
    seen: set[str] = set()
    for system in asked.systems.systems.values():
        concerned = not people or not system.populations or bool(people & set(system.populations))
        if asked.brand.id in system.brands and concerned:
            seen |= {one.name for one in getattr(system, kind) if one.gets(asked.brand.id)}
    return seen
