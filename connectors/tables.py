"""The data map's entries for one table and its fields."""

from typing import Literal, Self

from pydantic import Field, model_validator

from connectors.holdings import FieldMap, Held, Mapped, SqlName
from schemas.scalars import Code


class Through(Mapped):
    """The mapped table that knows whose a row is, and the column of it that `key_column` repeats."""

    table: SqlName
    column: SqlName


class TableMap(Held):
    """One table: how a person's rows are found, what becomes of them. Tables are erased in the order listed.

    A person's rows are those whose `key_column` is the record key; or, with `through`, those whose `key_column` points
    at a person's row of another table, which must be listed later unless its rows stay.

    `erase` is what a deletion does: `delete` the row, `mask` its fields, `aggregate` (mask them and cut the
    key, so that the row counts but is nobody's), or `keep` it with an exception. In a kept row only fields with
    a `mask` of their own change; elsewhere `null` is meant where none is given.

    `use: own` rows are the company's, also where `client_column` says through which client they came: the person's own
    request reaches them all, a client's instruction to erase or correct those that came through it. `use: client`
    rows are reached by their client's instruction only.
    """

    name: SqlName
    record_key: Code
    key_column: SqlName
    through: Through | None = None
    client_column: SqlName | None = None
    date_column: SqlName | None = None
    erase: Literal["delete", "mask", "aggregate", "keep"]
    fields: dict[SqlName, FieldMap] = Field(min_length=1)

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        key, message = self.fields.get(self.key_column), None
        kept = [name for name, field in self.fields.items() if field.keep]
        if self.use == "client" and not (self.client_column or self.through):
            message = "`use: client` needs `client_column`: whose rows are whose"
        elif key and key.mask and self.erase != "aggregate":
            message = f"`{self.key_column}` finds the row again and cannot be masked unless `erase: aggregate`"
        elif kept and self.erase not in {"mask", "aggregate"}:
            message = f"`{kept[0]}.keep` needs a row that stays: `erase: mask` or `aggregate`"
        if message:
            raise ValueError(message)
        return self

    @property
    def categories(self) -> tuple[str, ...]:
        """The personal-data categories its fields hold, sorted."""
        return tuple(sorted({field.category for field in self.fields.values()}))

    @property
    def columns(self) -> frozenset[str]:
        """Every column the map names."""
        named = {self.key_column, self.client_column, self.date_column, *self.fields}
        return frozenset(name for name in named if name)
