"""The data map: which systems hold what about whom, and what becomes of each field. Compiled once, pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Final

import yaml
from pydantic import Field, ValidationError

from connectors import positions
from connectors.tables import Mapped, PreferenceMap, SqlName, TableMap, Use
from rules.errors import PolicyProblem
from schemas.values import OPT_OUTS, Action, Code, Population, Right, Slug

FILE: Final = "policies/systems.yaml"
ACTIONS: Final[Mapping[Right, Action]] = {
    Right.KNOW_CATEGORIES: Action.EXPORT,
    Right.KNOW_SPECIFIC: Action.EXPORT,
    Right.PORTABILITY: Action.EXPORT,
    Right.THIRD_PARTY_LIST: Action.EXPORT,
    Right.SHINE_THE_LIGHT: Action.EXPORT,
    Right.DELETE: Action.ERASE,
    Right.DEACTIVATE: Action.ERASE,
    Right.CORRECT: Action.CORRECT,
    **dict.fromkeys(OPT_OUTS, Action.APPLY),
}
"""What a right means for a system that holds records; a right that is not here concerns no system."""


class Provider(Mapped):
    """A service provider that gets data of this system, and the term of the contract that binds it."""

    name: str
    contract: str = Field(min_length=3, description="where it may neither sell nor disclose further, and must delete")


class SystemMap(Mapped):
    """One system."""

    connector: Code
    url_env: str
    db_schema: SqlName | None = None
    brands: list[Slug] = Field(min_length=1)
    populations: list[Population] = []
    roles: dict[Use, str] = {"own": "own purpose"}
    after: list[Slug] = Field([], description="systems whose erasure must have ended before this one's begins")
    tables: list[TableMap] = []
    preferences: PreferenceMap | None = None
    rights: list[Right] | None = Field(None, description="the only rights this system serves; all it can if not given")
    providers: list[Provider] = []
    timeout_s: float = Field(30.0, gt=0)
    concurrency: int = Field(2, ge=1, le=32)
    batch: int = Field(200, ge=1, le=2_000)
    attempts: int = Field(6, ge=1)
    participant: bool = Field(default=False, description="the system reads its task topic itself; no connector is run")

    def serves(self, right: Right, client: str | None) -> Action | None:
        """What this system does for a right; None when it has no part in it."""
        action = ACTIONS.get(right)
        if action is None or (self.rights is not None and right not in self.rights):
            return None
        if action is Action.APPLY:
            consumes = self.preferences is not None and right in self.preferences.columns
            return action if consumes and client is None else None
        return action if self._holds(client) else None

    def _holds(self, client: str | None) -> bool:
        if client is None:
            return "own" in self.roles
        return self.participant or any(table.client_column for table in self.tables)


@dataclass(frozen=True, slots=True)
class Planned:
    """One system's task in a plan, and the systems that must have ended before."""

    action: Action
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DataMap:
    """Every system by name."""

    systems: Mapping[str, SystemMap]

    def plan(
        self, *, brand: str, right: Right, client: str | None, population: Population | None = None
    ) -> dict[str, Planned]:
        """Which systems must do what for a right of a brand, or for one client's records.

        `population` leaves out systems that hold nothing of that kind of person; None leaves out none. Only
        erasure has an order between systems: what a retry needs goes last.
        """
        acting = {
            name: action
            for name, system in sorted(self.systems.items())
            if brand in system.brands and (action := system.serves(right, client))
            if population is None or not system.populations or population in system.populations
        }
        return {name: Planned(action, self._before(name, action, acting)) for name, action in acting.items()}

    def _before(self, name: str, action: Action, acting: Mapping[str, Action]) -> tuple[str, ...]:
        if action is not Action.ERASE:
            return ()
        return tuple(other for other in self.systems[name].after if other in acting)


class _File(Mapped):
    systems: dict[Slug, SystemMap] = Field(min_length=1)


def compile_map(text: str, file: str = FILE) -> DataMap:
    """Read the data map.

    Raises:
        PolicyProblem: says file, line and what would be right.
    """
    try:
        lines = positions.Positions(text)
        data = _File.model_validate(yaml.safe_load(text) or {})
    except positions.Misread as error:
        raise PolicyProblem(file, error.line, error.reason) from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        path = ".".join(str(step) for step in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        raise PolicyProblem(file, lines.of(first["loc"]), f"{path}: {reason}") from None
    _check_order(data.systems, lines, file)
    return DataMap(data.systems)


def _check_order(systems: Mapping[str, SystemMap], lines: positions.Positions, file: str) -> None:
    for name, system in systems.items():
        for other in system.after:
            if other not in systems:
                known = ", ".join(sorted(systems))
                raise PolicyProblem(
                    file,
                    lines.of(("systems", name, "after")),
                    f"{name}.after: no system {other}; known: {known}",
                )
    try:
        TopologicalSorter({name: system.after for name, system in systems.items()}).prepare()
    except CycleError as error:
        circle = " after ".join(reversed(error.args[1]))
        line = lines.of(("systems", error.args[1][0], "after"))
        raise PolicyProblem(file, line, f"systems wait for each other: {circle}") from None
