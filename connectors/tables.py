"""The data map's entries for one table and its fields."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from schemas.values import OPT_OUTS, Code, Reason, Right

SqlName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=63)]
Use = Literal["own", "client"]
"""For whom data is used: the company's own purpose, or on behalf of the client that owns it."""


class Mapped(BaseModel):
    """Base of the data map's entries: immutable, and a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Keep(Mapped):
    """Why rows outlive a deletion: exception code, citation, and how many days after the row's own date."""

    code: Reason
    citation: str = Field(min_length=3)
    days: int = Field(gt=0)


class FieldMap(Mapped):
    """One column.

    `mask` says what replaces the value where the row stays: nothing at all, an empty text, a word of ours,
    its first three characters, or the value itself because it tells of nobody once the rest is gone.
    `disclose: held` values are never shown: the answer says that this type is held.
    """

    category: Code
    mask: Literal["null", "empty", "token", "coarse", "keep"] | None = None
    disclose: Literal["value", "held"] = "value"
    type: Code | None = Field(
        None, description="what a held value is called in an answer; the column's name if not given"
    )
    correctable: Code | None = Field(None, description="the field of a correction that changes it, such as `email`")
    business_contact: bool = Field(default=False, description="outside of PIPEDA when it is about an employee")


class TableMap(Mapped):
    """One table: how a person's rows are found, what becomes of them. Tables are erased in the order listed.

    `erase` is what a deletion does: `delete` the row, `mask` its fields, `aggregate` (mask them and cut the
    key, so that the row counts but is nobody's), or `keep` it with an exception. In a kept row only fields with
    a `mask` of their own change; elsewhere `null` is meant where none is given.
    """

    name: SqlName
    record_key: Code
    key_column: SqlName
    client_column: SqlName | None = None
    date_column: SqlName | None = None
    use: Use = "own"
    category: Code
    source: str = Field(min_length=1)
    purposes: list[Code] = Field(min_length=1)
    recipients: list[Code] = []
    erase: Literal["delete", "mask", "aggregate", "keep"]
    keep: Keep | None = None
    fields: dict[SqlName, FieldMap] = Field(min_length=1)

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        message = None
        if (self.erase == "keep") != (self.keep is not None):
            message = "`keep` (code, citation, days) goes with `erase: keep`, and only with it"
        elif self.use == "client" and not self.client_column:
            message = "`use: client` needs `client_column`: whose rows are whose"
        elif self.key_column in self.fields and self.fields[self.key_column].mask and self.erase != "aggregate":
            message = f"`{self.key_column}` finds the row again and cannot be masked unless `erase: aggregate`"
        if message:
            raise ValueError(message)
        return self

    @property
    def categories(self) -> tuple[str, ...]:
        """The personal-data categories its fields hold, sorted."""
        return tuple(sorted({field.category for field in self.fields.values()}))


class PreferenceMap(Mapped):
    """Where a system notes opt-outs: one row per person, a yes-or-no column per right; an opt-in takes one back."""

    table: SqlName
    record_key: Code
    key_column: SqlName
    columns: dict[Right, SqlName] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_preferences_only(self) -> Self:
        wrong = sorted(set(self.columns) - OPT_OUTS)
        if wrong:
            message = f"{', '.join(wrong)}: not a preference; known are {', '.join(sorted(OPT_OUTS))}"
            raise ValueError(message)
        return self
