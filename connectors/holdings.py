"""The data map's words for what is held: whose, where it comes from, what it is for, and what a deletion does to it."""

import re
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from schemas.scalars import Code, Slug
from schemas.values import OPT_OUTS, Medium, Reason, Right

SqlName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_ $-]*$", max_length=63)]
Use = Literal["own", "client"]
"""For whom data is used: the company's own purpose, or on behalf of the client that owns it."""
MARKED: Final = OPT_OUTS | {Right.DEACTIVATE}
"""Rights that end in a mark."""
TOLD_OF: Final = (OPT_OUTS - {Right.OPT_IN_SALE}) | {Right.DELETE}
"""What somebody outside can be told of."""


class Mapped(BaseModel):
    """Base of the data map's entries: immutable, and a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Keep(Mapped):
    """Why something outlives a deletion: exception code, citation, and how many days after the row's own date."""

    code: Reason
    citation: str = Field(min_length=3)
    days: int = Field(gt=0)


class Longer(Mapped):
    """Why something is kept longer than the brand says: the ground, what it rests on, and for how many days.

    Without days it lasts as long as the ground does, such as a contract that goes on.
    """

    ground: Literal["law", "court_order", "business_critical"]
    citation: str = Field(min_length=3)
    days: int | None = Field(None, gt=0)


class FieldMap(Mapped):
    """One field.

    `mask` says what replaces the value where the row stays: nothing at all, an empty text, a word of ours, its first
    three characters, zero, the first day of its year, or the value itself because it tells of nobody once the rest
    is gone. `keep` leaves the value in a masked row for as long as an exception demands, and the answer says so.
    `disclose: held` values are never shown: the answer says that this type is held. So with `others`: showing these
    would infringe the privacy of somebody else, such as who wrote a note.
    """

    category: Code
    mask: Literal["null", "empty", "token", "coarse", "zero", "year", "keep"] | None = None
    keep: Keep | None = None
    disclose: Literal["value", "held", "others"] = "value"
    type: Code | None = Field(
        None, description="what a held value is called in an answer; the field's name if not given"
    )
    correctable: Code | None = Field(None, description="the field of a correction that changes it, such as `email`")
    business_contact: bool = Field(default=False, description="outside of PIPEDA when it is about an employee")


class Held(Mapped):
    """What is held in one place: the answer to "which data, from where, what for, who gets it".

    `retention` says which of the brand's rules ends it by age; `longer` why it may stay beyond that.
    """

    use: Use = "own"
    category: Code
    source: str = Field(min_length=1)
    purposes: list[Code] = Field(min_length=1)
    recipients: list[Code] = []
    erase: Literal["delete", "mask", "aggregate", "keep"] = "delete"
    keep: Keep | None = None
    retention: Literal["personal", "cookies"] = "personal"
    longer: Longer | None = None

    @model_validator(mode="after")
    def _keeps_with_a_reason(self) -> Self:
        if (self.erase == "keep") != (self.keep is not None):
            message = "`keep` (code, citation, days) goes with `erase: keep`, and only with it"
            raise ValueError(message)
        return self


class Holding(Held):
    """Something a system without tables holds: what its connector calls it, and the fields it may show.

    Fields that are not listed are never shown; without any, what the system sends is shown whole.
    """

    name: Code
    fields: dict[str, FieldMap] = {}

    @property
    def categories(self) -> tuple[str, ...]:
        """The personal-data categories its fields hold, sorted; its own where none are listed."""
        return tuple(sorted({field.category for field in self.fields.values()})) or (self.category,)

    def shown(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """What of a row is declared."""
        return {name: value for name, value in row.items() if not self.fields or name in self.fields}


class PreferenceMap(Mapped):
    """Where a system notes opt-outs: a yes-or-no mark per right, by the system's own name; an opt-in takes one back.

    In a database it is a column of `table`, one row per person, found by `key_column`. A wish is noted also for who has
    no row there yet. `deactivate` is a mark on an account: where there is no row, there is nothing to deactivate.
    """

    table: SqlName | None = None
    record_key: Code
    key_column: SqlName | None = None
    columns: dict[Right, str] = Field(min_length=1)
    media: dict[Medium, str] = Field(
        {},
        description="marks that stop marketing by one medium alone: email, sms, post, phone; one that has none is "
        "stopped by the mark of opt_out_marketing, which stops all of it",
    )

    @model_validator(mode="after")
    def _names_preferences_only(self) -> Self:
        wrong = sorted(set(self.columns) - MARKED)
        if wrong:
            message = f"{', '.join(wrong)}: not a preference; known are {', '.join(sorted(MARKED))}"
            raise ValueError(message)
        if self.media and Right.OPT_OUT_MARKETING not in self.columns:
            message = "`media` goes with opt_out_marketing among `columns`"
            raise ValueError(message)
        return self

    @property
    def names(self) -> frozenset[str]:
        """Every mark, by the system's own name."""
        return frozenset({*self.columns.values(), *self.media.values()})

    def marks(self, right: Right | None, media: Collection[Medium] = ()) -> dict[str, bool]:
        """The marks a wish sets, and to what; marketing that shall stop altogether stops by every medium."""
        if right is None or right not in self.columns:
            return {}
        if right is not Right.OPT_OUT_MARKETING:
            return {self.columns[right]: right is not Right.OPT_IN_SALE}
        own = [self.media[one] for one in media or self.media if one in self.media]
        whole = not media or not set(media) <= self.media.keys()
        return dict.fromkeys([*([self.columns[right]] if whole else []), *own], True)

    @staticmethod
    def adds(right: Right) -> bool:
        """Whether a row is added for who has none."""
        return right is not Right.DEACTIVATE


class Outsider(Mapped):
    """Somebody outside who gets data of this system, the contract that binds it, and how it is told what people ask.

    One that is `told` has a part of its own in every request of `told_of`, and `confirm_days` to say that it complied.
    One that is not keeps nothing that outlives our own rows, such as a host.
    """

    name: str
    contract: str = Field(
        min_length=3, description="what binds it: what it may do with the data, and must do when told"
    )
    categories: list[Code] = Field([], description="what it gets; all this system holds if not given")
    told: Slug | None = Field(None, description="the system of this map through which it is told, and confirms")
    told_of: list[Right] = Field([Right.DELETE], description="a deletion, opt-outs, limits: what it is told of")
    confirm_days: int = Field(10, gt=0, description="how long it has to confirm; then an operator decides")
    brands: list[Slug] = Field([], description="whose people's data it gets; all the system's brands' if not given")

    @field_validator("told_of")
    @classmethod
    def _can_be_told(cls, told_of: list[Right]) -> list[Right]:
        wrong = sorted(set(told_of) - TOLD_OF)
        if wrong:
            message = f"{', '.join(wrong)}: nobody outside is told of that; known are {', '.join(sorted(TOLD_OF))}"
            raise ValueError(message)
        return told_of

    @property
    def slug(self) -> str:
        """Its name in the name of a part."""
        return "-".join(re.findall(r"[a-z0-9]+", self.name.lower())) or "outsider"

    def gets(self, brand: str, categories: Collection[str] | None = None) -> bool:
        """Whether it gets data of a brand's people: of any of these categories, or any at all where None is given."""
        of_these = categories is None or not self.categories or not set(self.categories).isdisjoint(categories)
        return of_these and (not self.brands or brand in self.brands)


class Provider(Outsider):
    """A service provider: it works for the company, may neither sell nor disclose further, and deletes when told to."""


class ThirdParty(Outsider):
    """Somebody the data is sold to, shared with or made available to, for purposes of their own.

    It is told of deletions and of the opt-outs from just that, and has to pass it on to whom it gave the data.
    Source: Civ. Code 1798.105(c)(1); 11 CCR 7022(b), 7026(f), 7027(g).
    """

    told_of: list[Right] = Field(
        [Right.DELETE, Right.OPT_OUT_SALE_SHARE, Right.OPT_OUT_TARGETED_ADS],
        description="a deletion, opt-outs, limits: what it is told of",
    )
