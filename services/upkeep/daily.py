"""The pass of every day: what a restore brought back goes again, what is over goes, and so do our own old records."""

from collections.abc import Mapping
from datetime import datetime

import structlog

from connectors.port import System
from services.directory.digests import Digests
from services.kernel.store import Conn
from services.kernel.vault import Vault
from services.upkeep.purge import Company, purge
from services.upkeep.sweep import sweep

log = structlog.get_logger()


async def every_day(conn: Conn, company: Company, opened: Mapping[str, System], now: datetime) -> None:
    """Sweep and purge; each line of the log counts, and names no person. Safe to repeat and to be cut short.

    Rows go by their age only in systems that say `purge: daily`; of the others it is told what is over.
    """
    for swept in await sweep(conn, opened, Digests(company.keys), now, apply=True):
        log.info(
            "swept", system=swept.system, came_back=swept.deleted, preferences=swept.preferences, newer=swept.newer,
            ends=dict(swept.ends),
        )  # fmt: skip
    daily = [name for name, system in company.systems.systems.items() if system.purge == "daily"]
    for line in await purge(conn, company, opened, now=now, apply=daily):
        if line.rows or line.state:
            log.info(
                "purged" if line.gone else "overdue", system=line.kept.system, table=line.kept.table, rows=line.rows,
                why=line.state,
            )  # fmt: skip
    log.info("records_expired", records=await Vault(company.keys).expire_records(conn, now))
