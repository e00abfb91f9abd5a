"""Read a policy file into a model, and say file, line and reason when it is wrong. Pure: text in, model out."""

from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from rules.errors import PolicyProblem

Model = TypeVar("Model", bound=BaseModel)


def parse(file: str, text: str, model: type[Model]) -> Model:
    """Check one file's text against its model.

    Raises:
        PolicyProblem: not YAML, a key written twice, or something the model refuses.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        _refuse_twins(file, node)
        return model.model_validate(yaml.safe_load(text) or {})
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise PolicyProblem(file, line, error.problem or "not YAML") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        path = ".".join(str(step) for step in first["loc"])
        raise PolicyProblem(file, _line(node, first["loc"]), f"{path}: {first['msg']}") from None


def _refuse_twins(file: str, node: yaml.Node | None) -> None:
    """YAML lets a later key overwrite an earlier one in silence; here it is an error."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise PolicyProblem(file, key.start_mark.line + 1, f"{key.value} is written twice")
            seen.add(key.value)
            _refuse_twins(file, value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_twins(file, value)


def _line(node: yaml.Node | None, path: tuple[int | str, ...]) -> int:
    """The line of the deepest key of `path` the file has."""
    line = 1
    for step in path:
        children: dict[int | str, yaml.Node] = {}
        if isinstance(node, yaml.MappingNode):
            children = {key.value: value for key, value in node.value}
        elif isinstance(node, yaml.SequenceNode):
            children = dict(enumerate(node.value))
        if step not in children:
            break
        node = children[step]
        line = node.start_mark.line + 1
    return line
