"""The product's own policy files, read once per run."""

from functools import cache
from pathlib import Path

from connectors.datamap import DataMap, compile_map
from rules.handbook import Handbook
from services.kernel.policies import load_handbook, read_policies

POLICIES = Path(__file__).parents[2] / "policies"


@cache
def texts() -> dict[str, str]:
    """Every policy file's text, by its path below the folder."""
    return read_policies(POLICIES)


@cache
def handbook() -> Handbook:
    """The laws, brands and points as they are shipped."""
    return load_handbook(POLICIES)


def changed(path: str, old: str, new: str) -> dict[str, str]:
    """The files with one text replaced in one of them; it must be there."""
    text = texts()[path]
    assert old in text, f"{path} has no {old!r}"
    return {**texts(), path: text.replace(old, new, 1)}


@cache
def systems() -> DataMap:
    """The data map as it is shipped."""
    return compile_map(texts()["systems.yaml"])
