"""Hold the data map against the live systems: what is wrong, and what is covered."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.datamap import DataMap
from connectors.participant import key_of
from connectors.port import Finding
from connectors.registry import NoSuchConnector, open_system
from connectors.review import review
from connectors.systems import ACTIONS, SystemMap


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found, and the table of what is covered."""

    findings: Sequence[Finding]
    coverage: Sequence[Mapping[str, Any]]

    @property
    def serious(self) -> bool:
        """Whether something must be mended before use."""
        return any(finding.serious for finding in self.findings)


async def check(systems: DataMap, environment: Mapping[str, str], only: Iterable[str] = ()) -> Checked:
    """Ask every system of the data map, or only some, whether it is as declared."""
    wanted = set(only) or set(systems.systems)
    findings = [finding for finding in review(systems) if finding.system in wanted]
    rows = []
    for name, declared in systems.systems.items():
        if name in wanted:
            found = await _look(name, declared, environment)
            findings += found
            rows.append(_row(name, declared, [finding for finding in findings if finding.system == name]))
    return Checked(findings, rows)


async def _look(name: str, declared: SystemMap, environment: Mapping[str, str]) -> list[Finding]:
    try:
        if declared.participant:
            key_of(name, declared)
            return []
        system = open_system(name, declared, environment)
    except NoSuchConnector as error:
        return [Finding(name, declared.url_env or "options", str(error).removeprefix(f"{name}: "), serious=True)]
    try:
        return await system.check()
    finally:
        await system.close()


def _row(name: str, declared: SystemMap, findings: Sequence[Finding]) -> dict[str, Any]:
    listed = [*(table.fields for table in declared.tables), *(holding.fields for holding in declared.holds)]
    fields = [about for some in listed for about in some.values()]
    return {
        "system": name,
        "connector": declared.connector,
        "held": len(declared.held),
        "fields": len(fields),
        "categories": ", ".join(sorted({field.category for field in fields} | {h.category for h in declared.held})),
        "used for": ", ".join(sorted(declared.roles)),
        "erased by": ", ".join(sorted({held.erase for held in declared.held})),
        "does": _does(declared, None),
        "for clients": _does(declared, "any"),
        "uncovered": sum(finding.kind == "uncovered" for finding in findings),
        "wrong": sum(finding.serious for finding in findings),
    }


def _does(declared: SystemMap, client: str | None) -> str:
    return ", ".join(sorted({action.value for right, action in ACTIONS.items() if declared.serves(right, client)}))
