"""The data map: which systems hold what about whom, and what becomes of each field. Compiled once, pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from graphlib import CycleError, TopologicalSorter
from typing import Final, Self

from pydantic import Field, model_validator

from connectors.holdings import Mapped
from connectors.systems import SystemMap
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
    """How one service provider is told to delete: through which system, by whose record keys, and how long it has."""

    through: str
    keys_from: tuple[str, ...]
    within: timedelta


@dataclass(frozen=True, slots=True)
class DataMap:
    """Every system by name."""

    systems: Mapping[str, SystemMap]

    def plan(
        self, *, brand: str, right: Right, client: str | None, population: Population | None = None
    ) -> dict[str, Planned]:
        """Which systems must do what for a right of a brand, or for one client's records.

        `population` leaves out systems that hold nothing of that kind of person; None leaves out none. With
        RECIPIENT and no client these are the copies the company keeps for a purpose of its own, whatever the client
        says. Only erasure has an order between systems: what a retry needs goes last.
        """
        acting = {
            name: action
            for name, system in sorted(self.systems.items())
            if brand in system.brands and name not in self.channels and (action := system.serves(right, client))
            if population is None or not system.populations or population in system.populations
        }
        return {name: Planned(action, self._before(name, action, acting)) for name, action in acting.items()}

    @property
    def channels(self) -> frozenset[str]:
        """Systems that hold nothing themselves: service providers are told through them."""
        told = {provider.told for system in self.systems.values() for provider in system.providers}
        return frozenset(name for name in told if name and not self.systems[name].held)

    def providers(self, acting: Iterable[str]) -> dict[str, Told]:
        """The service providers of these systems that are told to delete, by the name of their part.

        One that several systems share is told once, through the first of them, with the record keys of all.
        """
        found: dict[str, Told] = {}
        for name in sorted(acting):
            for one in self.systems[name].providers:
                if one.told:
                    before = found.get(one.slug, Told(one.told, (), timedelta(days=one.confirm_days)))
                    found[one.slug] = replace(before, keys_from=(*before.keys_from, name))
        return found

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
        yield from ((name, "providers", provider.told) for provider in system.providers if provider.told)


def compile_map(text: str, file: str = FILE) -> DataMap:
    """Read the data map.

    Raises:
        PolicyProblem: says file, line and what would be right.
    """
    return DataMap(parse(file, text, _File).systems)
