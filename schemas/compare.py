"""Find what changed between two JSON Schemas of one class so that old and new sides no longer understand each other.

The rule is FULL_TRANSITIVE: whatever was ever written must be read by today's readers, and what is written today by
every earlier reader. A published field therefore stays as it is; new ones may be left out. Since nothing published is
ever taken away, being compatible with the last version is being compatible with all of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Schema = Mapping[str, Any]

_SILENT: Final = frozenset({"$schema", "$id", "$defs", "$ref", "title", "description", "examples", "discriminator"})
"""What readers and writers do not depend on, or what is looked at elsewhere."""
_OPTIONS: Final = ("anyOf", "oneOf")
_SHAPED: Final = frozenset({"properties", "required", "enum", "const", *_OPTIONS})
_INNER: Final = ("items", "additionalProperties")
_LOWEST: Final = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_HIGHEST: Final = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})


@dataclass(frozen=True, slots=True)
class Break:
    """One change that breaks: `place` is the class and the path of fields, `what` a sentence about it."""

    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


def breaks(old: Schema, new: Schema, name: str) -> list[Break]:
    """Return every breaking change from `old` to `new`, in the order of the fields; empty when there is none."""
    return list(_Comparison(old, new).of(old, new, name))


class _Comparison:
    """Walks two schemas side by side, each with its own definitions."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old, self._new = old, new

    def of(self, old: Schema, new: Schema, at: str) -> Iterator[Break]:
        """Compare two schemas that stand at the same place."""
        before, after = _options(old, self._old), _options(new, self._new)
        for kind in sorted(before.keys() - after.keys()):
            yield Break(at, f"can no longer be {kind}")
        for kind in sorted(after.keys() - before.keys()):
            yield Break(at, f"can now be {kind}, which earlier readers refuse")
        if "default" in {**old, **new} and old.get("default", _NOTHING) != new.get("default", _NOTHING):
            yield Break(at, "has another default, so that leaving it out means something else")
        for kind in sorted(before.keys() & after.keys()):
            yield from self._one(before[kind], after[kind], at)

    def _one(self, old: Schema, new: Schema, at: str) -> Iterator[Break]:
        yield from self._fields(old, new, at)
        yield from _allowed(old, new, at)
        for inner, mark in zip(_INNER, ("[]", ".*"), strict=True):
            if isinstance(old.get(inner), Mapping) and isinstance(new.get(inner), Mapping):
                yield from self.of(old[inner], new[inner], at + mark)
        for rule in sorted((old.keys() | new.keys()) - _SILENT - _SHAPED - {"default"}):
            yield from _limit(rule, old.get(rule), new.get(rule), at)

    def _fields(self, old: Schema, new: Schema, at: str) -> Iterator[Break]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed, need = set(old.get("required", ())), set(new.get("required", ()))
        for field in before:
            if field not in after:
                yield Break(f"{at}.{field}", "was removed or renamed")
                continue
            if field in need - needed:
                yield Break(f"{at}.{field}", "must now be given, and earlier writers may have left it out")
            if field in needed - need:
                yield Break(f"{at}.{field}", "may now be left out, and earlier readers need it")
            yield from self.of(before[field], after[field], f"{at}.{field}")
        for field in after:
            if field not in before and field in need:
                yield Break(f"{at}.{field}", "is new and must be given, and earlier writers do not know it")


_NOTHING: Final = object()


def _resolved(schema: Schema, root: Schema) -> Schema:
    """Follow a reference; what stands beside it stays."""
    if "$ref" not in schema:
        return schema
    target: Schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return {**_resolved(target, root), **{key: value for key, value in schema.items() if key != "$ref"}}


def _options(schema: Schema, root: Schema) -> dict[str, Schema]:
    """What may stand here, by kind: several where there is a choice, otherwise one."""
    resolved = _resolved(schema, root)
    choices: Sequence[Schema] = next((resolved[word] for word in _OPTIONS if word in resolved), [resolved])
    found: dict[str, Schema] = {}
    for choice in choices:
        one = _resolved(choice, root)
        kind = _kind(one)
        found[kind if kind not in found else f"{kind} ({len(found)})"] = one
    return found


def _kind(schema: Schema) -> str:
    kind = schema.get("type") or ("enum" if {"enum", "const"} & schema.keys() else "anything")
    return f"{schema['title']} (object)" if kind == "object" and "title" in schema else str(kind)


def _allowed(old: Schema, new: Schema, at: str) -> Iterator[Break]:
    before, after = _closed(old), _closed(new)
    if before is None or after is None:
        if before != after:
            yield Break(at, "is no longer a closed list" if before else "is now a closed list")
        return
    if gone := sorted(before - after):
        yield Break(at, f"no longer allows {', '.join(gone)}")
    if more := sorted(after - before):
        yield Break(at, f"now allows {', '.join(more)}, which earlier readers refuse")


def _closed(schema: Schema) -> set[str] | None:
    if "const" in schema:
        return {str(schema["const"])}
    return set(map(str, schema["enum"])) if "enum" in schema else None


def _limit(rule: str, old: Any, new: Any, at: str) -> Iterator[Break]:  # noqa: ANN401  any JSON value
    if old == new or (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return
    if rule in _LOWEST | _HIGHEST:
        tighter = old is None or (new is not None and (new > old) == (rule in _LOWEST))
        other = "which earlier messages may break" if tighter else "which earlier readers refuse"
        yield Break(at, f"{rule} was {_said(old)} and is {_said(new)}, {other}")
    else:
        yield Break(at, f"{rule} was {_said(old)} and is {_said(new)}")


def _said(value: Any) -> str:  # noqa: ANN401  any JSON value
    return "not set" if value is None else str(value)
