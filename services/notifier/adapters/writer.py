"""Writes letters: templates in the person's language; nothing found in what goes to a stranger."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from rules.brands import Brand
from rules.parts import client_of, system_of

LETTERS: Final = Path(__file__).parents[1] / "letters"
FALLBACK: Final = "en"


class Writer:
    """Renders one letter; compiled once."""

    def __init__(self) -> None:
        self._environments: dict[str, Environment] = {}
        self._words: dict[str, Mapping[str, Any]] = {}
        for folder in sorted(path for path in LETTERS.iterdir() if path.is_dir() and (path / "words.yaml").exists()):
            language = folder.name
            self._environments[language] = Environment(
                loader=FileSystemLoader(folder), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
                autoescape=False, keep_trailing_newline=True,  # noqa: S701  plain text, never HTML
            )  # fmt: skip
            self._words[language] = yaml.safe_load((folder / "words.yaml").read_text("utf-8"))

    def languages(self) -> list[str]:
        """The languages there are."""
        return sorted(self._environments)

    def write(self, locale: str, body: Mapping[str, Any], brand: Brand, name: str | None) -> tuple[str, str]:
        """Return subject and text of one letter."""
        language = locale.partition("-")[0].lower()
        language = language if language in self._environments else FALLBACK
        words = self._words[language]
        template = self._environments[language].get_template(f"{body['letter']}.txt")
        about = {
            "words": words,
            "company": brand,
            "name": name or words["somebody"],
            "right_name": words["rights"].get(body["right"], body["right"]),
            "account": _account(body.get("parts", {}), words),
        }
        text = template.render({**body, **about})
        subject, _, rest = text.partition("\n")
        return subject.strip(), rest.strip() + "\n"


def _account(parts: Mapping[str, Any], words: Mapping[str, Any]) -> list[str]:
    """One sentence per part that did something: what was done, to how much of which category, what was kept and why."""
    lines = []
    for part, end in sorted(parts.items()):
        if system_of(part) in {"package", "suppress"} or not (system_of(part) or client_of(part) or part == "answer"):
            continue
        where = (
            words["sender"] if client_of(part) else words["systems"].get(system_of(part) or "", system_of(part) or "")
        )
        counts = ", ".join(
            f"{number} {words['categories'].get(category, category)}"
            for category, number in sorted(end["counts"].items())
        )
        outcome = words["outcomes"][end["outcome"]]
        lines.append(f"{where}: {outcome}{f' ({counts})' if counts else ''}.")
        for kept in end.get("retained", []):
            category = words["categories"].get(kept["category"], kept["category"])
            until = f" {words['until']} {kept['until']}" if kept.get("until") else ""
            lines.append(f"  {words['kept']}: {kept['count']} {category} - {kept['citation']}{until}.")
    return lines
