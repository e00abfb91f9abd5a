"""Two thousand invented people, the same for the same seed, and what they have to do with the company.

Names are drawn from short lists, addresses of mail and post lead nowhere, and phone numbers come from the ranges kept
free for fiction (555-0100 to 555-0199).
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

BRANDS: Final = ("parcelwise", "shipdesk")
CLIENTS: Final = {"acorn-supply": "forward", "birch-outfitters": "forward", "cedar-books": "act_for_me"}
TODAY: Final = date(2026, 6, 1)
"""The day the sample's records end."""

_GIVEN: Final = (
    "Ada", "Bela", "Cleo", "Dario", "Edda", "Fabio", "Greta", "Hugo", "Ines", "Jonas", "Kira", "Leon", "Mira",
    "Nils", "Odile", "Pavel", "Quinn", "Rosa", "Silvan", "Tilda", "Ulla", "Viktor", "Wanda", "Xenia", "Yara",
    "Zeno", "Alma", "Boris", "Carla", "Dante",
)  # fmt: skip
_FAMILY: Final = (
    "Abbott", "Birk", "Calder", "Dorn", "Eklund", "Farrow", "Galt", "Hollis", "Iverson", "Jurado", "Kessler",
    "Lorne", "Maddox", "Norrell", "Ostrom", "Pruett", "Quill", "Renner", "Sorrel", "Tamsin", "Underhay",
    "Varga", "Wexley", "Xanthos", "Yarrow", "Zeller", "Ambler", "Brandt", "Corliss", "Denholm",
)  # fmt: skip
_STREETS: Final = (
    "Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Grove", "Hazel", "Ivy", "Juniper", "Larch", "Maple",
    "Oak", "Pine", "Rowan", "Spruce",
)  # fmt: skip
_PLACES: Final = (
    ("Salt Lake City", "UT", "84101"),
    ("Sacramento", "CA", "95814"),
    ("Richmond", "VA", "23219"),
    ("Denver", "CO", "80202"),
    ("Oakland", "CA", "94607"),
)
_AREAS: Final = (
    801, 916, 804, 303, 510, 212, 206, 617, 415, 702, 503, 505, 602, 615, 704, 312, 313, 404, 512, 919, 208, 406, 307,
    701, 605, 402, 515, 608, 612,
)  # fmt: skip
_FICTIONAL: Final = 100
"""Numbers per area code that belong to nobody."""

_ROUND: Final = 26_100
"""So many people have a name and number together that nobody else has. Then the names move on: enough for 100,000."""


class Kind(StrEnum):
    """What a person has to do with the company."""

    CUSTOMER = "customer"
    """An account, bills, and visits to the site."""
    OFFLINE_CUSTOMER = "offline_customer"
    """An account and bills; never seen on the site."""
    BOTH = "both"
    """A customer who also gets a client's parcels."""
    PROSPECT = "prospect"
    """Seen on the site and on the marketing list, no account."""
    RECIPIENT = "recipient"
    """Gets parcels of one client."""
    SHARED_RECIPIENT = "shared_recipient"
    """Gets parcels of two clients."""


_MIX: Final = (
    Kind.CUSTOMER, Kind.OFFLINE_CUSTOMER, Kind.BOTH, Kind.PROSPECT, Kind.PROSPECT,
    Kind.RECIPIENT, Kind.RECIPIENT, Kind.RECIPIENT, Kind.SHARED_RECIPIENT, Kind.SHARED_RECIPIENT,
)  # fmt: skip
"""The kinds of ten people in a row."""
_PARCELS: Final = {Kind.BOTH: 1, Kind.RECIPIENT: 1, Kind.SHARED_RECIPIENT: 2}
_HOLDERS: Final = frozenset({Kind.CUSTOMER, Kind.OFFLINE_CUSTOMER, Kind.BOTH})
_SEEN: Final = frozenset({Kind.CUSTOMER, Kind.PROSPECT})


@dataclass(frozen=True, slots=True)
class Shipment:
    """One parcel of one client to one person."""

    client: str
    order_number: str
    tracking_number: str


@dataclass(frozen=True, slots=True)
class Human:
    """One invented person."""

    number: int
    brand: str
    kind: Kind
    name: str
    email: str
    phone: str
    street: str
    city: str
    region: str
    postcode: str
    account: str | None = None
    second_account: str | None = None
    shipments: tuple[Shipment, ...] = ()
    since: date = TODAY
    locale: str = "en-US"

    @property
    def visitor(self) -> str | None:
        """Who they are to the web site, if they were ever seen there."""
        return f"v{self.number}" if self.kind in _SEEN else None

    @property
    def accounts(self) -> tuple[str, ...]:
        """Every account they hold."""
        return tuple(account for account in (self.account, self.second_account) if account)

    @property
    def amount(self) -> str:
        """What their last bill came to."""
        return f"{20 + self.number % 80}.{self.number % 100:02}"


def people(count: int = 2_000, seed: int = 7) -> list[Human]:
    """Draw the population: three in ten hold accounts, two only looked, the others get parcels."""
    draw = random.Random(seed)
    drawn = [_human(number, draw) for number in range(count)]
    return [_as_lived(human, drawn) for human in drawn]


def _human(number: int, draw: random.Random) -> Human:
    round_ = number // _ROUND
    given, family = _GIVEN[number % len(_GIVEN)], _FAMILY[(number // len(_GIVEN) + round_) % len(_FAMILY)]
    place, kind = draw.choice(_PLACES), _MIX[number % len(_MIX)]
    clients = draw.sample(sorted(CLIENTS), _PARCELS.get(kind, 0))
    area = _AREAS[number // _FICTIONAL % len(_AREAS)]
    return Human(
        number=number,
        brand=BRANDS[number // len(_MIX) % len(BRANDS)],
        kind=kind,
        name=f"{given} {family}",
        email=f"{given}.{family}.{number}@example.org".lower(),
        phone=f"+1{area}55501{number % _FICTIONAL:02}",
        street=f"{100 + number} {_STREETS[number % len(_STREETS)]} St",
        city=place[0],
        region=place[1],
        postcode=place[2],
        account=f"AC-{70_000 + number}" if kind in _HOLDERS else None,
        shipments=tuple(_shipment(client, number, draw) for client in clients),
        since=TODAY - timedelta(days=100 + number % 900),
    )


def _shipment(client: str, number: int, draw: random.Random) -> Shipment:
    order = f"{client[:2].upper()}-{number:05}-{draw.randrange(10**6):06}"
    return Shipment(client, order, f"1Z{number:05}{draw.randrange(10**9):09}")


def _as_lived(human: Human, drawn: Sequence[Human]) -> Human:
    """Put in what makes people hard to tell apart: households, namesakes, two accounts, no e-mail, other languages.

    By the tens of their number, so that every kind of the brand stays frequent.
    """
    tens, kind = human.number // len(_MIX) % 20, human.kind
    before = drawn[human.number - 1]
    if kind is Kind.OFFLINE_CUSTOMER and tens in {2, 3}:
        family = before.name.split()[-1]
        name = f"{human.name.split()[0]} {family}"
        return replace(
            human, name=name, street=before.street, city=before.city, region=before.region, postcode=before.postcode
        )
    if kind is Kind.CUSTOMER and tens in {4, 5}:
        return replace(human, second_account=f"{human.account}-B")
    if kind is Kind.OFFLINE_CUSTOMER and tens in {6, 7}:
        return replace(human, email="")
    if kind is Kind.OFFLINE_CUSTOMER and tens in {8, 9}:
        return replace(human, name=drawn[human.number - 20].name, email="")
    if kind is Kind.CUSTOMER and tens in {10, 12}:
        return replace(human, locale="fr-CA" if tens == 10 else "es-US")  # noqa: PLR2004  tens, as above
    return human
