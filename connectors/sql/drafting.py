"""Write a draft down as a data map that compiles as it is, with a mark wherever a person must decide."""

import json
import re
from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa

from connectors.review import DECIDE
from connectors.sql.draft import Column, Draft, Drafted, client_column
from connectors.sql.masks import YEARS
from connectors.words import guess, words

_YEARS: Final = 2_557
"""Seven years in days: what tax law commonly demands of books."""
_TOKEN: Final = 28
"""Characters a masked token may need."""
_CORRECTED: Final = {
    "email": "email", "mail": "email", "phone": "phone", "mobile": "phone", "street": "street", "address": "street",
    "city": "city", "postcode": "postcode", "postal": "postcode", "zip": "postcode", "region": "region",
    "state": "region",
}  # fmt: skip
"""Words in a column's name, and the field of a correction that would change it."""
_PURPOSES: Final = {"commercial": "provide_services", "internet_activity": "site_improvement"}


def write_down(found: Draft, *, system: str, url_env: str, schema: str | None, dialect: str) -> str:
    """The draft as YAML with comments."""
    lines = [
        "# Drafted from a live database. Guesses are guesses: go through every line, and decide where it says so.",
        "# `rightsbus systems check` compares the result with the database, and finds marks that were left.",
        "systems:",
        f"  {system}:",
        "    connector: sql",
        f"    url_env: {url_env}",
        *([f"    db_schema: {_quoted(schema)}"] if schema else []),
        f"    brands: [{DECIDE.lower()}]  # {DECIDE}: the ids of the brands whose data is here",
        f"    populations: []  # {DECIDE}: visitor, prospect, account_holder, client_staff, employee, recipient",
        f'    roles: {{own: "{DECIDE}: what the company uses this data for"}}',
        "    # after: []  # systems that must have been erased before this one",
        f"    # providers: [{{name: …, contract: …, told: …}}]  # {DECIDE}: who gets this data, by which contract",
        "    tables:",
    ]
    for table in found.tables:
        lines += _table(table, dialect)
    if not found.tables:
        lines[-1] = f"    tables: []  # no table looks like one of people: {DECIDE} which are"
    if found.loose:
        lines.append(f"    # {DECIDE}: nothing links these to a person; list under `impersonal` what is about nobody")
        lines += [f"    # {name} ({', '.join(some)})" for name, some in found.loose.items()]
        lines.append("    impersonal: []")
    return "\n".join(lines) + "\n"


def _table(table: Drafted, dialect: str) -> Iterator[str]:
    erase = table.erase
    yield f"      - name: {_quoted(table.name)}"
    yield f"        record_key: {table.record_key}"
    yield f"        key_column: {_quoted(table.key)}"
    if table.through:
        target = f"{{table: {_quoted(table.through.target)}, column: {_quoted(table.through.target_column)}}}"
        yield f"        through: {target}"
    if owner := client_column(table):
        yield f"        # client_column: {_quoted(owner)}  # {DECIDE}: whose row is it? Then also `use: client`"
    if day := _day(table):
        yield f"        date_column: {_quoted(day)}  # {DECIDE}: the row's own date"
    category = _category(table)
    yield f"        category: {category}"
    yield f'        source: "{DECIDE}: the person, our clients, …"'
    yield f"        purposes: [{_PURPOSES.get(category, 'provide_services')}]  # {DECIDE}"
    yield f"        recipients: []  # {DECIDE}: service_provider, owning_client, …"
    yield f"        erase: {erase}{_why(table, erase)}"
    if erase == "keep":
        yield f'        keep: {{code: exception_legal_obligation, citation: "{DECIDE}: which law", days: {_YEARS}}}'
    yield "        fields:"
    yield from _fields(table, erase, dialect)


def _why(table: Drafted, erase: str) -> str:
    reasons = {
        "mask": f"  # rows of {', '.join(sorted(table.pointed_at))} point here, so the row must stay",
        "keep": f"  # {DECIDE}: does a law demand to keep it, and for how long?",
    }
    return reasons.get(erase, "")


def _day(table: Drafted) -> str | None:
    """The first date that is not the person's own."""
    days = [c.name for c in table.columns if isinstance(c.type, sa.Date | sa.DateTime)]
    return next((name for name in days if guess(name).category != "protected"), None)


def _category(table: Drafted) -> str:
    """What most of its fields are."""
    found = [guess(column.name).category for column in _shown(table)]
    return max(sorted(set(found)), key=found.count, default="identifiers")


def _shown(table: Drafted) -> list[Column]:
    """The columns that say something: not keys that only link rows."""
    keys = {table.key, _day(table)}
    said = [c for c in table.columns if c.name not in keys and not _links(c.name)]
    return said or [c for c in table.columns if c.name != table.key] or list(table.columns)


def _links(name: str) -> bool:
    return words(name)[-1:] == ["id"]


def _fields(table: Drafted, erase: str, dialect: str) -> Iterator[str]:
    for column in _shown(table):
        about, parts = guess(column.name), []
        parts.append(f"category: {about.category}")
        if mask := _mask(column, erase, dialect):
            parts.append(f"mask: {mask}")
        if about.secret:
            parts.append("disclose: held")
        if about.personal and isinstance(column.type, sa.String) and (corrected := _correctable(column.name)):
            parts.append(f"correctable: {corrected}")
        yield f"          {_quoted(column.name)}: {{{', '.join(parts)}}}"


def _mask(column: Column, erase: str, dialect: str) -> str | None:
    """How a value goes while its row stays; nothing to say where it can be emptied."""
    if erase != "mask" or column.nullable:
        return None
    if isinstance(column.type, sa.String):
        room = column.type.length
        return "token" if guess(column.name).personal and (room is None or room >= _TOKEN) else "empty"
    if isinstance(column.type, sa.Date | sa.DateTime):
        return "year" if dialect in YEARS else "keep"
    return "zero" if isinstance(column.type, sa.Integer | sa.Numeric | sa.Boolean) else "keep"


def _correctable(name: str) -> str | None:
    said = words(name)
    if "name" in said:
        return "_".join(said[-2:]) if said[:1] != ["name"] else "name"
    return next((field for word, field in _CORRECTED.items() if word in said), None)


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) and name.lower() not in _WORDS else json.dumps(name)


_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""What YAML takes for something else than a text."""
