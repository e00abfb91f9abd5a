"""The page of settings, written from the classes that read them: `python -m stack.settings_page`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from services.fulfiller.settings import Settings as Fulfiller
from services.intake.settings import Settings as Intake
from services.kernel.settings import ServiceSettings
from services.notifier.settings import Settings as Notifier
from services.ops.register.settings import Settings as Register
from services.verifier.settings import Settings as Verifier

PAGE: Final = Path(__file__).parent.parent / "docs" / "settings.md"
_HEAD: Final = """# Settings

Environment variables, read once when a worker starts. Made by `python -m stack.settings_page`; do not edit.

| variable | of | default | what it is |
|---|---|---|---|
"""
_OWN: Final = {"intake": Intake, "verifier": Verifier, "fulfiller": Fulfiller, "notifier": Notifier, "ops": Register}


def page() -> str:
    """The whole page."""
    return _HEAD + "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterator[str]:
    common = ServiceSettings.model_fields
    yield from (_line(name, field, "every service") for name, field in common.items())
    for service, kind in _OWN.items():
        yield from (_line(n, f, service) for n, f in kind.model_fields.items() if n not in common)


def _line(name: str, field: FieldInfo, of: str) -> str:
    return f"| `{_variable(name, field)}` | {of} | {_default(field)} | {field.description or ''} |"


def _variable(name: str, field: FieldInfo) -> str:
    alias: Any = field.validation_alias
    return str(alias.choices[0]) if alias else f"RIGHTSBUS_{name.upper()}"


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "must be given"
    return "none" if field.default in {None, ""} else f"`{field.default}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"written: {PAGE}\n")
