"""Public things are explained, nothing is left for later, no line knows one particular machine."""

import ast
import re
from collections.abc import Iterator

from tests.support.source import ROOT, modules, shown, tree

UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|NotImplementedError)\b")
ONE_MACHINE = re.compile(r"(?<![\w.])/(home|root|Users)/\w|/tmp/(?!kafka|server)\w")
OWN_ADDRESS = re.compile(r"\b(pypi\.org|files\.pythonhosted|repo1?\.maven|registry\.npmjs)")
HOUSE_FILES = (
    "Makefile",
    "pyproject.toml",
    ".ci/run",
    "docker-compose.yml",
    "deploy/Dockerfile",
    "requirements",
)


def public_without_docstring(module: ast.Module) -> Iterator[str]:
    if ast.get_docstring(module) is None:
        yield "the module"
    todo: list[ast.Module | ast.ClassDef] = [module]
    for parent in todo:
        for node in parent.body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or node.name.startswith("_"):
                continue
            if ast.get_docstring(node) is None and not has(node, "overload", "override"):
                yield node.name
            if isinstance(node, ast.ClassDef):
                todo.append(node)


def has(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, *decorators: str) -> bool:
    return any(isinstance(name, ast.Name) and name.id in decorators for name in node.decorator_list)


def test_every_public_thing_has_a_docstring() -> None:
    found = [
        f"{shown(path)}: {name}"
        for path in modules()
        if "/migrations/" not in shown(path)
        for name in public_without_docstring(tree(path))
    ]

    assert found == []


def test_nothing_is_left_for_later() -> None:
    found = [shown(path) for path in modules() if UNFINISHED.search(path.read_text(encoding="utf-8"))]

    assert found == []


def test_nothing_names_a_registry_or_a_machine() -> None:
    house = [path for name in HOUSE_FILES for path in [ROOT / name, *(ROOT / name).glob("*")] if path.is_file()]
    found = [
        f"{shown(path)}: {hit.group()}"
        for path in [*house, *modules()]
        for pattern in (ONE_MACHINE, OWN_ADDRESS)
        if (hit := pattern.search(path.read_text(encoding="utf-8")))
    ]

    assert found == []
