"""Data keys that outlived their case's time: which they are, and destroying them where intake did not."""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.rows import dict_row

from services.kernel.policies import load_handbook
from services.kernel.vault import Vault
from services.ops.installation import Installation
from services.ops.register.keeping import now
from services.ops.register.queries import KEYS_OVER


def keys_over(found: Installation) -> list[dict[str, Any]]:
    """The cases concerned, by case key, with brand and the day their last request was closed; the longest over first.

    Raises:
        Misconfigured: a policy file is wrong.
    """
    brands = load_handbook(found.policies).brands
    windows = [brand.windows.destroy_keys_after for brand in brands.values()]
    with found.connect() as db:
        asked = {"brands": list(brands), "windows": windows, "now": now(db)}
        return db.cursor(row_factory=dict_row).execute(f"{KEYS_OVER} ORDER BY closed_at", asked).fetchall()


async def destroy(found: Installation, cases: Sequence[str]) -> int:
    """Destroy the data keys of cases, and all that is sealed under them; returns how many there still were."""
    async with await psycopg.AsyncConnection.connect(found.endpoints.database_url, autocommit=True) as conn:
        return await Vault(found.keys).destroy(conn, cases)
