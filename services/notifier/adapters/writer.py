"""Writes letters: templates in the person's language; nothing found in what goes to a stranger."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from rules.brands import Brand
from rules.laws import Law
from rules.statements import Written, demanded
from schemas.values import Ending, Letter, Right
from services.notifier.adapters.contents import account, at_the_end, general

LETTERS: Final = Path(__file__).parents[1] / "letters"
FALLBACK: Final = "en"


@dataclass(frozen=True, slots=True)
class Paper:
    """One letter to write: what the decision says of it, whose name it bears, by which law, to whom, on which day."""

    body: Mapping[str, Any]
    brand: Brand
    law: Law | None
    name: str | None
    on: date
    outside_us: bool = False

    @property
    def letter(self) -> Letter:
        """Which letter it is."""
        return Letter(self.body["letter"])

    @property
    def written(self) -> Written:
        """What the rules must know to say what has to be in it."""
        ending = self.body.get("ending")
        return Written(self.letter, Right(self.body["right"]), self.on, Ending(ending) if ending else None)


class Language:
    """One language: its templates, its words, and one sentence for each statement. Compiled once."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self._templates = Environment(
            loader=FileSystemLoader(folder), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
            autoescape=False, keep_trailing_newline=True,  # noqa: S701  plain text, never HTML
        )  # fmt: skip
        self.words: Mapping[str, Any] = yaml.safe_load((folder / "words.yaml").read_text("utf-8"))

    @cached_property
    def sentences(self) -> Mapping[str, Template]:
        """What says each statement."""
        return {name: self._templates.from_string(text) for name, text in self.words["statements"].items()}

    def write(self, paper: Paper) -> tuple[str, str]:
        """Return subject and text."""
        about = {**paper.body, **self._about(paper)}
        said = [self.sentences[one].render(about).strip() for one in demanded(paper.law, paper.brand, paper.written)]
        locale, right = self.name, paper.written.right
        said += paper.brand.says(paper.letter, right, locale, outside_us=paper.outside_us)
        text = self._templates.get_template(f"{paper.letter}.txt").render({**about, "said": said})
        subject, _, rest = text.partition("\n")
        return subject.strip(), rest.strip() + "\n"

    def _about(self, paper: Paper) -> dict[str, Any]:
        body, words = paper.body, self.words
        return {
            "words": words,
            "company": paper.brand,
            "operator": paper.brand.operator_on(paper.on),
            "name": paper.name or words["somebody"],
            "right_name": _named(body, words),
            "account": account(body.get("parts", {}), words, body.get("ask", {})),
            "until": _moment(body.get("until")),
            "round": body.get("round", 1),
            "why": body.get("why"),
            "by_agent": body.get("by_agent", False),
            "estimate": paper.brand.fees.estimate if paper.brand.fees else None,
            "oath": paper.brand.declaration.text.get(self.name, paper.brand.declaration.text[FALLBACK]),
            "oath_version": paper.brand.declaration.version,
            "verify": body.get("verify", True),
            "reopens": body.get("reopens", False),
            **general(paper.brand, paper.written, words),
            **at_the_end(paper.law, paper.brand, paper.written, body, words),
        }


class Writer:
    """Every language there is."""

    def __init__(self) -> None:
        folders = sorted(path for path in LETTERS.iterdir() if (path / "words.yaml").exists())
        self._languages = {folder.name: Language(folder) for folder in folders}

    def languages(self) -> list[str]:
        """The languages there are."""
        return sorted(self._languages)

    def write(self, locale: str, paper: Paper) -> tuple[str, str]:
        """Return subject and text of one letter, in English where the brand does not write the person's language."""
        name = locale.partition("-")[0].lower()
        name = name if name in self._languages and name in paper.brand.locales else FALLBACK
        return self._languages[name].write(paper)


def _named(body: Mapping[str, Any], words: Mapping[str, Any]) -> str:
    """What was asked for; marketing that shall stop in some ways only, with these."""
    name, media = words["rights"][body["right"]], [words["media"][one] for one in body.get("media", [])]
    return f"{name} ({', '.join(media)})" if media else str(name)


def _moment(until: str | None) -> str:
    return f"{datetime.fromisoformat(until):%Y-%m-%d %H:%M} UTC" if until else ""
