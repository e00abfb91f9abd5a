"""A published field stays as it is; a new one may be left out."""

from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, create_model

from schemas.compare import breaks


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Fewer(StrEnum):
    RED = "red"


class More(StrEnum):
    RED = "red"
    BLUE = "blue"
    GREEN = "green"


class Inner(BaseModel):
    size: int = Field(ge=0)


class Tighter(BaseModel):
    size: int = Field(ge=1)


class Grown(BaseModel):
    size: int = Field(ge=0)
    note: str | None = None


def model(**fields: Any) -> dict[str, Any]:
    return schema_of(create_model("Thing", **fields))


def schema_of(kind: type[BaseModel]) -> dict[str, Any]:
    return kind.model_json_schema()


def changed(old: Any, new: Any) -> list[str]:
    return [str(one) for one in breaks(model(at=old), model(at=new), "Thing")]


def named(kind: type[BaseModel]) -> type[BaseModel]:
    return create_model("Inner", __base__=kind)


NEEDED = ...
COMPATIBLE = [
    ((str, NEEDED), (str, NEEDED)),
    ((str, Field(description="one")), (str, Field(description="another", title="x", examples=["y"]))),
    ((Colour, NEEDED), (Literal["red", "blue"], NEEDED)),
    ((named(Inner), NEEDED), (named(Grown), NEEDED)),
    ((list[named(Inner)], []), (list[named(Grown)], [])),  # type: ignore[misc]  # a class made here
]
BREAKING = [
    ((str, NEEDED), (int, NEEDED), "can no longer be string"),
    ((str, NEEDED), (str, "x"), "may now be left out"),
    ((str, "x"), (str, NEEDED), "must now be given"),
    ((str, "x"), (str, "y"), "has another default"),
    ((str | None, None), (str, ""), "can no longer be null"),
    ((str, NEEDED), (str | None, NEEDED), "can now be null"),
    ((str | None, None), (Annotated[str, Field(max_length=9)] | None, None), "maxLength was not set and is 9"),
    ((str, Field(max_length=9)), (str, Field(max_length=8)), "maxLength was 9 and is 8, which earlier messages"),
    ((str, Field(max_length=9)), (str, Field(max_length=10)), "maxLength was 9 and is 10, which earlier readers"),
    ((str, Field(min_length=1)), (str, Field(min_length=2)), "minLength was 1 and is 2, which earlier messages"),
    ((int, Field(ge=0)), (int, NEEDED), "minimum was 0 and is not set, which earlier readers"),
    ((str, Field(pattern="^a$")), (str, Field(pattern="^b$")), "pattern was ^a$ and is ^b$"),
    ((Colour, NEEDED), (Fewer, NEEDED), "no longer allows blue"),
    ((Colour, NEEDED), (More, NEEDED), "now allows green"),
    ((Colour, NEEDED), (str, NEEDED), "is no longer a closed list"),
    ((str, NEEDED), (Colour, NEEDED), "is now a closed list"),
    ((list[int], NEEDED), (list[str], NEEDED), "[]: can no longer be integer"),
    ((dict[str, int], NEEDED), (dict[str, str], NEEDED), ".*: can no longer be integer"),
    ((named(Inner), NEEDED), (named(Tighter), NEEDED), "at.size: minimum was 0 and is 1"),
    ((named(Grown), NEEDED), (named(Inner), NEEDED), "at.note: was removed or renamed"),
    ((list[named(Grown)], []), (list[named(Inner)], []), "at[].note: was removed or renamed"),  # type: ignore[misc]
]


@pytest.mark.parametrize(("old", "new"), COMPATIBLE)
def test_what_both_sides_still_understand_is_no_break(old: Any, new: Any) -> None:
    assert changed(old, new) == []


@pytest.mark.parametrize(("old", "new", "told"), BREAKING)
def test_what_one_side_no_longer_understands_is_told_with_its_place(old: Any, new: Any, told: str) -> None:
    found = changed(old, new)

    assert any(told in one for one in found)
    assert all(one.startswith("Thing.at") for one in found)


def test_a_new_optional_field_is_welcome_and_a_new_needed_one_is_not() -> None:
    old = model(a=(str, ...))

    assert breaks(old, model(a=(str, ...), b=(str, "")), "Thing") == []
    [found] = breaks(old, model(a=(str, ...), b=(str, ...)), "Thing")
    assert str(found) == "Thing.b: is new and must be given, and earlier writers do not know it"


def test_a_renamed_field_is_a_removed_one() -> None:
    [found] = breaks(model(a=(str, "")), model(b=(str, "")), "Thing")

    assert str(found) == "Thing.a: was removed or renamed"


def test_a_chain_of_welcome_changes_stays_compatible_with_its_first_link() -> None:
    versions = [model(a=(str, ...), **{f"b{n}": (str, "") for n in range(count)}) for count in range(4)]

    assert all(breaks(old, new, "Thing") == [] for i, old in enumerate(versions) for new in versions[i:])
