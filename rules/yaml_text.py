"""Read a policy file into a model, and say file, line and reason when it is wrong. Pure: text in, model out."""

import re
from typing import Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from rules.errors import AtPath, PolicyProblem
from schemas.scalars import SPELT

Model = TypeVar("Model", bound=BaseModel)
Path = tuple[int | str, ...]


_LEFT_AS_TEXT: Final = {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool"}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the quick one where it was built
    """The safe loader, leaving dates as text, so that a wrong one has a line, and yes, no, on, off: NO is Norway."""

    yaml_implicit_resolvers = {
        first: [(tag, found) for tag, found in resolvers if tag not in _LEFT_AS_TEXT]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))


def parse(file: str, text: str, model: type[Model]) -> Model:
    """Check one file's text against its model.

    Raises:
        PolicyProblem: not YAML, a key written twice, or something the model refuses.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        _refuse_twins(file, node)
        return model.model_validate(loader.construct_document(node) if node else {})
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise PolicyProblem(file, line, error.problem or "not YAML") from None
    except ValidationError as error:
        path, reason = _told(min(error.errors(include_input=False, include_url=False), key=_is_no_extra))
        shown = ".".join(str(step) for step in path)
        raise PolicyProblem(file, _line(node, path), f"{shown}: {reason}" if shown else reason) from None


def _is_no_extra(error: ErrorDetails) -> bool:
    """A misspelt key is a key too many and one that is missing: what is written there says more."""
    return error["type"] != "extra_forbidden"


def _told(error: ErrorDetails) -> tuple[Path, str]:
    """Where and why, in our own words where pydantic's are for programmers."""
    path: Path = tuple(step for step in error["loc"] if isinstance(step, int) or "[" not in step)
    raised = error.get("ctx", {}).get("error")
    if isinstance(raised, AtPath):
        path += raised.path
    if error["type"] == "extra_forbidden":
        return path, "there is no such key here"
    if error["type"] == "missing":
        return path, "this key is missing"
    if error["type"] == "string_pattern_mismatch" and error["ctx"]["pattern"] in SPELT:
        return path, SPELT[error["ctx"]["pattern"]]
    return path, str(raised) if isinstance(raised, ValueError) else error["msg"]


def _refuse_twins(file: str, node: yaml.Node | None) -> None:
    """YAML lets a later key overwrite an earlier one in silence; here it is an error."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if str(key.value) in seen:
                raise PolicyProblem(file, key.start_mark.line + 1, f"{key.value} is written twice")
            seen.add(str(key.value))
            _refuse_twins(file, value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_twins(file, value)


def _line(node: Any, path: Path) -> int:  # noqa: ANN401  any node, or none
    """The line of the deepest key of `path` the file has."""
    line = 1
    for step in path:
        children: dict[int | str, Any] = {}
        if isinstance(node, yaml.MappingNode):
            children = {key.value: value for key, value in node.value}
        elif isinstance(node, yaml.SequenceNode):
            children = dict(enumerate(node.value))
        if step not in children:
            break
        node = children[step]
        line = node.start_mark.line + 1
    return line
