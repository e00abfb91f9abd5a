"""Where in a YAML text a key stands, so that a message can name the line. Pure."""

from collections.abc import Sequence

import yaml


class Misread(ValueError):
    """The text is not YAML, or says one thing twice: which line, and why."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line, self.reason = line, reason


class Positions:
    """The places of a text's keys.

    Raises:
        Misread: it is not YAML, or a mapping has one key twice.
    """

    def __init__(self, text: str) -> None:
        try:
            self._root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise Misread(line, f"not YAML: {error.problem or 'cannot be read'}") from None
        _refuse_twins(self._root)

    def of(self, path: Sequence[int | str]) -> int:
        """The line of the deepest step of `path` that the text has; steps it does not have end the search."""
        node, line = self._root, 1
        for step in path:
            found = next((pair for pair in _children(node) if pair[0] == step), None)
            if found is None:
                break
            _, line, node = found
        return line


def _children(node: yaml.Node | None) -> list[tuple[int | str, int, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        return [(key.value, key.start_mark.line + 1, value) for key, value in node.value]
    if isinstance(node, yaml.SequenceNode):
        return [(index, value.start_mark.line + 1, value) for index, value in enumerate(node.value)]
    return []


def _refuse_twins(node: yaml.Node | None) -> None:
    seen = set[int | str]()
    for step, line, child in _children(node):
        if step in seen:
            raise Misread(line, f"`{step}` is said twice")
        seen.add(step)
        _refuse_twins(child)
