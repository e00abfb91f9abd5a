"""Open systems by the kind their data map entry names; kinds are plug-ins found by entry point."""

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from connectors.port import System
from connectors.systems import SystemMap

GROUP: Final = "rightsbus.connectors"
Options = TypeVar("Options", bound=BaseModel)
Environment = Mapping[str, str]


class NoSuchConnector(LookupError):
    """A system cannot be opened: nobody installed its kind, or its address or its options are missing or wrong."""


def open_system(name: str, declared: SystemMap, environment: Environment) -> System:
    """Open one system; nothing connects yet.

    Raises:
        NoSuchConnector: unknown kind, a variable that is not set, or an option that is wrong; says which.
    """
    kinds = {point.name: point for point in entry_points(group=GROUP)}
    if declared.connector not in kinds:
        known = ", ".join(sorted(kinds)) or "none"
        message = f"{name}: no connector {declared.connector!r} is installed; known are: {known}"
        raise NoSuchConnector(message)
    opened: System = kinds[declared.connector].load()(name, declared, environment)
    return opened


def address(name: str, declared: SystemMap, environment: Environment) -> str:
    """The address of a system.

    Raises:
        NoSuchConnector: the data map names no variable for it, or that variable is not set.
    """
    if not declared.url_env:
        message = f"{name}: `url_env` must name the variable with the address of this system"
        raise NoSuchConnector(message)
    return variable(name, declared.url_env, environment)


def variable(name: str, wanted: str, environment: Environment) -> str:
    """A variable a system needs.

    Raises:
        NoSuchConnector: it is not set.
    """
    if value := environment.get(wanted):
        return value
    message = f"{name}: set {wanted}, which the data map names for this system"
    raise NoSuchConnector(message)


def options(name: str, declared: SystemMap, model: type[Options]) -> Options:
    """A connector's own settings from the data map.

    Raises:
        NoSuchConnector: one is missing or wrong; says which, and never what it was.
    """
    try:
        return model.model_validate(declared.options)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        path = ".".join(str(step) for step in ("options", *first["loc"]))
        message = f"{name}: {path}: {first['msg'].removeprefix('Value error, ')}"
        raise NoSuchConnector(message) from None
