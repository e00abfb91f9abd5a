"""Open systems by the kind their data map entry names; kinds are plug-ins found by entry point."""

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Final

from connectors.datamap import SystemMap
from connectors.port import System

GROUP: Final = "rightsbus.connectors"


class NoSuchConnector(LookupError):
    """A data map names a kind of connector nobody installed, or an address nobody gave."""


def open_system(name: str, declared: SystemMap, environment: Mapping[str, str]) -> System:
    """Open one system.

    Raises:
        NoSuchConnector: unknown kind, or the variable with its address is not set; says which.
    """
    kinds = {point.name: point for point in entry_points(group=GROUP)}
    if declared.connector not in kinds:
        known = ", ".join(sorted(kinds)) or "none"
        message = f"{name}: no connector {declared.connector!r} is installed; known are: {known}"
        raise NoSuchConnector(message)
    url = environment.get(declared.url_env)
    if not url:
        message = f"{name}: set {declared.url_env} to the address of this system"
        raise NoSuchConnector(message)
    opened: System = kinds[declared.connector].load()(name, declared, url)
    return opened
