"""A folder of CSV, JSON or JSON-lines files, one per table of the data map. For small systems and regular exports.

Files are rewritten as a whole and put in place by renaming, so that a reader sees the old or the new one. What a task
will do is written into a ledger in the folder before any file changes: a crash in between is finished by the retry, and
the receipt stays the same. One process works in a folder at a time.
"""

from pathlib import Path

from connectors.files.system import FilesSystem
from connectors.registry import Environment, address
from connectors.systems import SystemMap

__all__ = ["FilesSystem", "open_files"]


def open_files(name: str, declared: SystemMap, environment: Environment) -> FilesSystem:
    """Open a system by the path of its folder.

    Raises:
        NoSuchConnector: the variable with its path is not set.
    """
    return FilesSystem(name, declared, Path(address(name, declared, environment)))
