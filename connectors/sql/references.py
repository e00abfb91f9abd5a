"""What deleting rows does to rows of other tables that point at them."""

from collections.abc import Iterator

from sqlalchemy.engine.reflection import Inspector

from connectors.systems import SystemMap

_TAKES_ALONG = "CASCADE"
_LETS_GO = frozenset({"SET NULL", "SET DEFAULT"})


def torn(declared: SystemMap, inspector: Inspector, live: set[str]) -> Iterator[tuple[str, str, bool]]:
    """Where a deletion would be refused, or would take rows along that must stay."""
    order = [table.name for table in declared.tables]
    erased = {table.name for table in declared.tables if table.erase == "delete"}
    for name in sorted(live):
        for key in inspector.get_foreign_keys(name, schema=declared.db_schema):
            target, rule = key["referred_table"], str(key.get("options", {}).get("ondelete") or "").upper()
            if target not in erased or target == name or key["referred_schema"] not in {None, declared.db_schema}:
                continue
            before = name in erased and order.index(name) < order.index(target)
            where = f"{name}.{key['constrained_columns'][0]}"
            if rule == _TAKES_ALONG and name not in erased:
                yield where, f"goes when a row of {target} is deleted, whatever is declared for it: mask {target}", True
            elif rule not in _LETS_GO and rule != _TAKES_ALONG and not before:
                yield where, _refused(name, target, listed=name in erased), True


def _refused(name: str, target: str, *, listed: bool) -> str:
    cure = f"list {name} before {target}" if listed else f"`mask` rows of {target}, or delete those of {name} before"
    return f"points at {target}, whose rows cannot be deleted while it does: {cure}"
