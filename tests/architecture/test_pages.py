"""Pages say what is true: generated ones are fresh, and every file, target and command a page names exists."""

import json
import re

import pytest

from schemas.public import RequestSubmitted
from stack.settings_page import PAGE, page
from tests.support.source import ROOT

PAGES = sorted([ROOT / "README.md", ROOT / "services" / "README.md", *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")
TARGET = re.compile(r"^ {4}make (\w+)", re.MULTILINE)


def test_the_page_of_settings_is_what_the_classes_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m stack.settings_page"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_somewhere(path) -> None:
    links = LINK.findall(path.read_text(encoding="utf-8"))

    assert [link for link in links if not (path.parent / link).exists()] == []


def test_every_make_target_the_readme_names_exists() -> None:
    targets = set(TARGET.findall((ROOT / "README.md").read_text(encoding="utf-8")))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert targets
    assert [target for target in targets if f"\n{target}:" not in makefile] == []


def test_the_example_submissions_are_ones_we_accept() -> None:
    examples = sorted((ROOT / "docs" / "examples").glob("*.json"))

    assert examples
    for example in examples:
        RequestSubmitted.model_validate(json.loads(example.read_text(encoding="utf-8")))
