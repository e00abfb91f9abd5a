"""What deleting rows does to rows of other tables that point at them."""

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine.reflection import Inspector

from connectors.systems import SystemMap

_TAKES_ALONG = "CASCADE"
_LETS_GO = frozenset({"SET NULL", "SET DEFAULT"})


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key of one column: from where, to where, and what a deletion there does here."""

    table: str
    column: str
    target: str
    target_column: str
    rule: str


def references(inspector: Inspector, table: str, schema: str | None) -> list[Reference]:
    """The foreign keys of a table, those of several columns left out."""
    if inspector.dialect.name == "sqlite":  # reflection does not see the rule of a key written beside its column
        with inspector.engine.connect() as db:
            rows = db.execute(sa.text("SELECT * FROM pragma_foreign_key_list(:table)"), {"table": table}).mappings()
            return [Reference(table, r["from"], r["table"], r["to"] or r["from"], r["on_delete"]) for r in rows]
    return [
        Reference(table, key["constrained_columns"][0], key["referred_table"], key["referred_columns"][0],
                  str(key.get("options", {}).get("ondelete") or "").upper())
        for key in inspector.get_foreign_keys(table, schema=schema)
        if key["referred_schema"] in {None, schema} and len(key["constrained_columns"]) == 1
    ]  # fmt: skip


def torn(declared: SystemMap, inspector: Inspector, live: set[str]) -> Iterator[tuple[str, str, bool]]:
    """Where a deletion would be refused, or would take rows along that must stay."""
    order = [table.name for table in declared.tables]
    erased = {table.name for table in declared.tables if table.erase == "delete"}
    for name in sorted(live):
        for key in references(inspector, name, declared.db_schema):
            if key.target not in erased or key.target == name:
                continue
            before = name in erased and order.index(name) < order.index(key.target)
            where, target = f"{name}.{key.column}", key.target
            if key.rule == _TAKES_ALONG and name not in erased:
                yield where, f"goes when a row of {target} is deleted, whatever is declared for it: mask {target}", True
            elif key.rule not in {*_LETS_GO, _TAKES_ALONG} and not before:
                yield where, _refused(name, target, listed=name in erased), True


def _refused(name: str, target: str, *, listed: bool) -> str:
    cure = f"list {name} before {target}" if listed else f"`mask` rows of {target}, or delete those of {name} before"
    return f"points at {target}, whose rows cannot be deleted while it does: {cure}"
