"""Reads the policy files once at start; compiling and judging them is the rules' own work."""

from pathlib import Path

from rules.errors import PolicyProblem
from rules.handbook import Handbook
from services.kernel.errors import Misconfigured


def read_policies(directory: Path) -> dict[str, str]:
    """Return every YAML file below `directory` by its relative path.

    Raises:
        Misconfigured: there is no such directory, or nothing in it.
    """
    files = {str(path.relative_to(directory)): path.read_text("utf-8") for path in sorted(directory.rglob("*.yaml"))}
    if not files:
        message = f"no policy files in {directory}: point RIGHTSBUS_POLICIES_DIR at a copy of policies/"
        raise Misconfigured(message)
    return files


def load_handbook(directory: Path) -> Handbook:
    """Compile laws, brands and points.

    Raises:
        Misconfigured: a file is wrong; says which, where and why.
    """
    try:
        return Handbook.compile(read_policies(directory))
    except PolicyProblem as problem:
        raise Misconfigured(str(problem)) from None
