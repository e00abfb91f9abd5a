"""The data map: which systems hold what about whom, and what becomes of each field. Compiled once, pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Final, Self

from pydantic import Field, model_validator

from connectors.holdings import Mapped, Outsider
from connectors.systems import ACTIONS, SystemMap
from rules import parts
from rules.errors import AtPath
from rules.yaml_text import parse
from schemas.scalars import Slug
from schemas.values import Action, Population, Right

FILE: Final = "policies/systems.yaml"


@dataclass(frozen=True, slots=True)
class Planned:
    """One system's task in a plan, and the systems that must have ended before."""

    action: Action
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """How somebody outside is told: to do what, through which system, by whose record keys, and how long it has."""

    action: Action
    through: str
    keys_from: tuple[str, ...]
    within: timedelta


type_question = tuple[str, Right, bool, Population | None]


@dataclass(frozen=True)
class DataMap:
    """Every system by name. What was planned once is remembered: the same is asked for every part of every request."""

    systems: Mapping[str, SystemMap]

    def plan(
        self, *, brand: str, right: Right, client: str | None, population: Population | None = None
    ) -> Mapping[str, Planned]:
        """Which systems must do what for a right of a brand, or for one client's records.

        `population` leaves out systems that hold nothing of that kind of person; None leaves out none. With
        RECIPIENT and no client these are the copies the company keeps for a purpose of its own, whatever the client
        says. Only erasure has an order between systems: what a retry needs goes last.
        """
        question = (brand, right, client is None, population)
        if question not in self._plans:
            acting = {
                name: action
                for name, system in sorted(self.systems.items())
                if brand in system.brands and name not in self.channels and (action := system.serves(right, client))
                if population is None or not system.populations or population in system.populations
            }
            found = {name: Planned(action, self._before(name, action, acting)) for name, action in acting.items()}
            self._plans[question] = found
        return self._plans[question]

    @cached_property
    def _plans(self) -> dict[type_question, Mapping[str, Planned]]:
        """What was planned before: who the client is makes no difference, only whether there is one."""
        return {}

    @cached_property
    def channels(self) -> frozenset[str]:
        """Systems that hold nothing themselves: service providers and third parties are told through them."""
        told = {one.told for system in self.systems.values() for one in system.outsiders}
        return frozenset(name for name in told if name and not self.systems[name].held)

    def told(self, right: Right, *, brand: str, acting: Iterable[str], client: str | None = None) -> dict[str, Told]:
        """Who outside is told of a request, by the name of their part.

        A deletion is told to who gets data of the systems `acting` on it; an opt-out or a limit to who gets data of any
        system of the brand, whether or not that system has a mark to set. What is held for a client goes to service
        providers alone. One that several systems share is told once, through the first of them, with the record keys
        of all.
        """
        found: dict[str, Told] = {}
        for name in sorted(acting if right is Right.DELETE else self._of(brand)):
            for part, one in self._outsiders(name, brand, client):
                if one.told and right in one.told_of:
                    told = Told(ACTIONS[right], one.told, (), timedelta(days=one.confirm_days))
                    before = found.get(part, told)
                    found[part] = replace(before, keys_from=(*before.keys_from, name))
        return found

    def _of(self, brand: str) -> Iterator[str]:
        """The systems that hold data of a brand's own people."""
        for name, system in self.systems.items():
            if brand in system.brands and "own" in system.roles and name not in self.channels:
                yield name

    def _outsiders(self, name: str, brand: str, client: str | None) -> Iterator[tuple[str, Outsider]]:
        """Everybody who gets such data of a system, with the name of their part."""
        system = self.systems[name]
        found: list[tuple[str, Outsider]] = [(parts.provider(one.slug, client), one) for one in system.providers]
        found += [(parts.third_party(one.slug), one) for one in system.third_parties if client is None]
        yield from ((part, one) for part, one in found if one.gets(brand))

    def _before(self, name: str, action: Action, acting: Mapping[str, Action]) -> tuple[str, ...]:
        if action is not Action.ERASE:
            return ()
        return tuple(other for other in self.systems[name].after if other in acting)


class _File(Mapped):
    systems: dict[Slug, SystemMap] = Field(min_length=1)

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        for name, key, other in _named(self.systems):
            if other not in self.systems:
                known = ", ".join(sorted(self.systems))
                raise AtPath(("systems", name, key), f"no system {other}; known: {known}")
        try:
            TopologicalSorter({name: system.after for name, system in self.systems.items()}).prepare()
        except CycleError as error:
            circle = " after ".join(reversed(error.args[1]))
            raise AtPath(("systems", error.args[1][0], "after"), f"systems wait for each other: {circle}") from None
        return self


def _named(systems: Mapping[str, SystemMap]) -> Iterator[tuple[str, str, str]]:
    """Every place where a system names another one: which, under which key, whom."""
    for name, system in systems.items():
        yield from ((name, "after", other) for other in system.after)
        yield from ((name, "providers", one.told) for one in system.providers if one.told)
        yield from ((name, "third_parties", one.told) for one in system.third_parties if one.told)


def compile_map(text: str, file: str = FILE) -> DataMap:
    """Read the data map.

    Raises:
        PolicyProblem: says file, line and what would be right.
    """
    return DataMap(parse(file, text, _File).systems)
