"""What docs/connectors.md shows, taken out of it."""

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from tests.support.source import ROOT

PAGE = ROOT / "docs" / "connectors.md"


def blocks(language: str) -> list[str]:
    """The page's code of one language, in order."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def the_documented_connector(folder: Path) -> Any:
    """The connector of the page as a module."""
    [code] = blocks("python")
    file = folder / "documented_connector.py"
    file.write_text(code, "utf-8")
    return module_at(file)


def module_at(file: Path) -> Any:
    """A Python file as a module."""
    spec = spec_from_file_location(file.stem, file)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
