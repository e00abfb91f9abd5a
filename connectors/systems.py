"""The data map's entry for one system."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, Literal, Self

from pydantic import Field, model_validator

from connectors.holdings import Held, Holding, Mapped, Outsider, PreferenceMap, Provider, SqlName, ThirdParty, Use
from connectors.tables import TableMap
from rules.errors import AtPath
from schemas.scalars import Code, Slug
from schemas.values import OPT_OUTS, Action, Population, Right

ACTIONS: Final[Mapping[Right, Action]] = {
    Right.KNOW_CATEGORIES: Action.EXPORT,
    Right.KNOW_SPECIFIC: Action.EXPORT,
    Right.PORTABILITY: Action.EXPORT,
    Right.THIRD_PARTY_LIST: Action.EXPORT,
    Right.DELETE: Action.ERASE,
    Right.DEACTIVATE: Action.APPLY,
    Right.CORRECT: Action.CORRECT,
    **dict.fromkeys(OPT_OUTS, Action.APPLY),
}
"""What a right means for a system that holds records; a right that is not here concerns no system."""
PARTICIPANT: Final = "participant"


class SystemMap(Mapped):
    """One system: how it is reached, what it holds, how patient we are with it.

    A database lists its `tables`; any other system lists what it `holds`, and its connector's own settings are
    `options`. `roles` says for whom the data is used, and must name every use that tables and holdings have.
    """

    connector: Code
    url_env: str | None = Field(None, description="the variable that holds its address")
    db_schema: SqlName | None = None
    brands: list[Slug] = Field(min_length=1)
    populations: list[Population] = Field([], description="whose data it holds; anybody's if not given")
    roles: dict[Use, str] = {"own": "own purpose"}
    after: list[Slug] = Field([], description="systems whose erasure must have ended before this one's begins")
    tables: list[TableMap] = []
    holds: list[Holding] = []
    impersonal: list[str] = Field(
        [], description="tables and `table.column`s somebody looked at: they are about nobody"
    )
    preferences: PreferenceMap | None = None
    rights: list[Right] | None = Field(None, description="the only rights this system serves; all it can if not given")
    providers: list[Provider] = []
    third_parties: list[ThirdParty] = []
    purge: Literal["by_hand", "daily"] = Field("by_hand", description="when rows go whose time is over")
    timeout_s: float = Field(30.0, gt=0, description="per call")
    concurrency: int = Field(2, ge=1, le=32, description="calls at once")
    batch: int = Field(200, ge=1, le=2_000, description="tasks per call")
    attempts: int = Field(20, ge=1, description="then an operator decides")
    first_wait_s: float = Field(1.0, gt=0, description="after the first attempt; doubled after each further one")
    longest_wait_s: float = Field(300.0, gt=0)
    options: dict[str, Any] = Field({}, description="what only its connector understands, and checks")

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        for path, reason in (*_unsaid_roles(self), *_lost_tables(self.tables)):
            raise AtPath(path, reason)
        return self

    @property
    def participant(self) -> bool:
        """Whether the system reads its task topic itself; no connector is run for it."""
        return self.connector == PARTICIPANT

    @property
    def held(self) -> Sequence[Held]:
        """Everything it holds, in whatever way it is described."""
        return [*self.tables, *self.holds]

    @property
    def outsiders(self) -> Sequence[Outsider]:
        """Everybody outside who gets data of this system."""
        return [*self.providers, *self.third_parties]

    @property
    def correctable(self) -> frozenset[str]:
        """Every field a correction can change here."""
        fields = [*(t.fields for t in self.tables), *(h.fields for h in self.holds)]
        return frozenset(about.correctable for some in fields for about in some.values() if about.correctable)

    def wait(self, attempts: int) -> timedelta:
        """How long to wait after that many attempts before the next."""
        return timedelta(seconds=min(self.longest_wait_s, self.first_wait_s * 2.0 ** min(attempts - 1, 20)))

    def serves(self, right: Right, client: str | None) -> Action | None:
        """What this system does for a right; None when it has no part in it."""
        action = ACTIONS.get(right)
        if action is None or (self.rights is not None and right not in self.rights):
            return None
        if action is Action.APPLY:
            consumes = self.preferences is not None and right in self.preferences.columns
            return action if consumes and client is None else None
        return action if self._concerned(action, client) else None

    def _concerned(self, action: Action, client: str | None) -> bool:
        """Whether it holds rows of the company's own, or that a client's instruction of this kind reaches."""
        if client is None:
            return "own" in self.roles
        copies = action is not Action.EXPORT and any(table.client_column for table in self.tables)
        return "client" in self.roles or copies


Path = tuple[int | str, ...]


def _unsaid_roles(system: SystemMap) -> Iterator[tuple[Path, str]]:
    for use in sorted({held.use for held in system.held} - set(system.roles)):
        yield ("roles",), f"something is held with `use: {use}`; say here what that is"


def _lost_tables(tables: Sequence[TableMap]) -> Iterator[tuple[Path, str]]:
    """Twins, and tables whose rows could not be found any more once the table before them is erased."""
    names = [table.name for table in tables]
    for index, table in enumerate(tables):
        if table.name in names[:index]:
            yield ("tables", index, "name"), f"table {table.name} is said twice"
        if table.through is None:
            continue
        if table.through.table not in names:
            yield ("tables", index, "through"), f"no table {table.through.table} in this system"
            continue
        parent = tables[names.index(table.through.table)]
        if names.index(parent.name) <= index and parent.erase in {"delete", "aggregate"}:
            reason = f"{table.name} is found through {parent.name}: list it before, or its rows are lost"
            yield ("tables", index, "through"), reason
        if parent.record_key != table.record_key:
            yield ("tables", index, "record_key"), f"must be that of {parent.name}, {parent.record_key}"
        if table.use == "client" and not (table.client_column or parent.client_column or parent.through):
            yield ("tables", index, "use"), f"`client` needs `client_column`, here or in {parent.name}"
