"""Compare a data map with the live schema of its database."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy import exc

from connectors.datamap import SystemMap
from connectors.port import Finding

PERSONAL: Final = ("name", "mail", "phone", "address", "street", "postcode", "zip", "birth", "city", "ip")
"""Parts of column names that look personal; only ever a warning."""


def find_gaps(system: str, declared: SystemMap, engine: sa.Engine) -> list[Finding]:
    """List missing tables and columns (serious), and personal-looking columns nobody mapped (warnings)."""
    try:
        inspector = sa.inspect(engine)
        live = set(inspector.get_table_names(schema=declared.db_schema))
    except exc.SQLAlchemyError as error:
        return [Finding(system, declared.url_env, f"cannot be reached: {type(error).__name__}", serious=True)]
    found = []
    for table in declared.tables:
        if table.name not in live:
            found.append(Finding(system, table.name, "the table does not exist", serious=True))
            continue
        columns = {column["name"] for column in inspector.get_columns(table.name, schema=declared.db_schema)}
        mapped = {table.key_column, *table.fields, *filter(None, (table.client_column, table.date_column))}
        found += [
            Finding(system, f"{table.name}.{c}", "the column does not exist", serious=True)
            for c in sorted(mapped - columns)
        ]
        found += [
            Finding(system, f"{table.name}.{c}", "looks personal and is not mapped", serious=False)
            for c in sorted(columns - mapped)
            if any(part in c.lower() for part in PERSONAL)
        ]
    return found
