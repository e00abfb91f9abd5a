"""Two thousand invented people, the same for the same seed: who they are and what they have to do with the company."""

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

BRANDS: Final = ("parcelwise", "shipdesk")
CLIENTS: Final = {"acorn-supply": "forward", "birch-outfitters": "forward", "cedar-books": "act_for_me"}
_GIVEN: Final = """Ada Bela Cleo Dario Edda Fabio Greta Hugo Ines Jonas Kira Leon Mira Nils Odile Pavel Quinn Rosa Silvan
Tilda Ulla Viktor Wanda Xenia Yara Zeno Alma Boris Carla Dante""".split()  # noqa: SIM905
_FAMILY: Final = """Abbott Birk Calder Dorn Eklund Farrow Galt Hollis Iverson Jurado Kessler Lorne Maddox Norrell Ostrom
Pruett Quill Renner Sorrel Tamsin Underhay Varga Wexley Xanthos Yarrow Zeller Ambler Brandt Corliss Denholm""".split()  # noqa: SIM905
_STREETS: Final = [
    "Alder",
    "Birch",
    "Cedar",
    "Dogwood",
    "Elm",
    "Fir",
    "Grove",
    "Hazel",
    "Ivy",
    "Juniper",
    "Larch",
    "Maple",
    "Oak",
    "Pine",
    "Rowan",
    "Spruce",
]
_PLACES: Final = (
    ("Salt Lake City", "UT", "84101"),
    ("Sacramento", "CA", "95814"),
    ("Richmond", "VA", "23219"),
    ("Denver", "CO", "80202"),
    ("Oakland", "CA", "94607"),
)
_TODAY: Final = date(2026, 6, 1)


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
    name: str
    email: str
    phone: str
    street: str
    city: str
    region: str
    postcode: str
    account: str | None = None
    visitor: bool = False
    shipments: tuple[Shipment, ...] = field(default=())
    since: date = _TODAY


def people(count: int = 2_000, seed: int = 7) -> list[Human]:
    """Draw the population: every third an account holder, every fifth a visitor only, the others recipients."""
    draw = random.Random(seed)
    return [_human(number, draw) for number in range(count)]


def _human(number: int, draw: random.Random) -> Human:
    given, family = _GIVEN[number % len(_GIVEN)], _FAMILY[(number // len(_GIVEN)) % len(_FAMILY)]
    place = draw.choice(_PLACES)
    brand = BRANDS[number % 2]
    kind = number % 10
    clients = draw.sample(sorted(CLIENTS), 2 if kind in {8, 9} else 1) if kind in {2, 5, 6, 7, 8, 9} else []
    parcels = tuple(
        Shipment(
            client,
            f"{client[:2].upper()}-{number:05}-{draw.randrange(10**6):06}",
            f"1Z{number:05}{draw.randrange(10**9):09}",
        )
        for client in clients
    )
    return Human(
        number=number, brand=brand, name=f"{given} {family}",
        email=f"{given}.{family}.{number}@example.org".lower(),
        phone=f"+1{(801, 916, 804, 303, 510)[_PLACES.index(place)]}{200 + number % 700:03}{number % 10_000:04}",
        street=f"{100 + number} {_STREETS[number % len(_STREETS)]} St", city=place[0], region=place[1], postcode=place[2],
        account=f"AC-{70_000 + number}" if kind in {0, 1, 2} else None, visitor=kind in {0, 3, 4},
        shipments=parcels, since=_TODAY - timedelta(days=100 + number % 900),
    )  # fmt: skip
