"""What is written down of the language: JSON Schemas, AsyncAPI document, page of topics; and where that is stale."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from schemas import asyncapi, rendering, table
from schemas.compare import Break, breaks
from schemas.shapes import shape, travelling

ROOT: Final = Path(__file__).parents[1]
JSON: Final = "schemas/json"
_END: Final = ".schema.json"


@cache
def generated() -> Mapping[str, str]:
    """Every file written from the code, by its path below the root."""
    files = {f"{JSON}/{kind.__name__}{_END}": _json(shape(kind)) for kind in travelling()}
    return files | {asyncapi.WHERE: asyncapi.text(), rendering.WHERE: rendering.page(), table.WHERE: table.page()}


def _json(schema: Mapping[str, object]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def broken(root: Path = ROOT) -> list[Break]:
    """What the code changed of the committed schemas so that old and new sides misunderstand each other."""
    now = {kind.__name__: shape(kind) for kind in travelling()}
    found: list[Break] = []
    for name, text in _committed(root).items():
        if name in now:
            found += breaks(json.loads(text), now[name], name)
        else:
            found.append(Break(name, "was removed or renamed, or travels on no topic any more"))
    return found


def stale(root: Path = ROOT) -> list[str]:
    """Paths of generated files that are not what the code says: missing, different, or of no class any more."""
    files = generated()
    different = [name for name, text in files.items() if _read(root / name) != text]
    left = [path for name in _committed(root) if (path := f"{JSON}/{name}{_END}") not in files]
    return sorted(different + left)


def write(root: Path = ROOT) -> list[str]:
    """Make every stale file what the code says; returns their paths."""
    files, names = generated(), stale(root)
    for name in names:
        path = root / name
        if name in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[name], "utf-8")
        else:
            path.unlink()
    return names


def _committed(root: Path) -> dict[str, str]:
    return {path.name.removesuffix(_END): _read(path) for path in sorted((root / JSON).glob(f"*{_END}"))}


def _read(path: Path) -> str:
    return path.read_text("utf-8") if path.is_file() else ""
