"""What a process opens once and every stage in it stands on."""

from dataclasses import dataclass
from typing import Final

import faust
from psycopg import AsyncConnection
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool
from pydantic_core import from_json

from services.kernel.bus import new_app
from services.kernel.clock import Clock
from services.kernel.keys import FileKeyStore, KeyStore
from services.kernel.metrics import StageMetrics
from services.kernel.settings import ServiceSettings
from services.kernel.store import Conn
from services.kernel.vault import Sealer, Vault

LONGEST_IDLE_S: Final = 60
"""A worker frozen within a transaction keeps its locks no longer: the database ends it."""
ASK_WITHIN_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class House:
    """What a service is wired into: opened once per process, passed to `build`."""

    app: faust.App
    settings: ServiceSettings
    pool: AsyncConnectionPool[Conn]
    keys: KeyStore
    vault: Vault
    sealer: Sealer
    clock: Clock
    metrics: StageMetrics


def open_house(service: str, settings: ServiceSettings) -> House:
    """Open keys, database pool and bus for one process; nothing connects before it runs."""
    keys = FileKeyStore(settings.keys_dir)
    url = settings.database_url.get_secret_value()
    pool: AsyncConnectionPool[Conn] = AsyncConnectionPool(
        url,
        connection_class=AsyncConnection,
        configure=_configure,
        min_size=2,
        max_size=10,
        timeout=ASK_WITHIN_S,
        reconnect_timeout=ASK_WITHIN_S,
        open=False,
        kwargs={"autocommit": True, "application_name": f"rightsbus/{service}"},
    )
    return House(
        app=new_app(service, settings),
        settings=settings,
        pool=pool,
        keys=keys,
        vault=Vault(keys),
        sealer=Sealer(keys, "outbox"),
        clock=Clock(),
        metrics=StageMetrics(),
    )


async def _configure(conn: Conn) -> None:
    set_json_loads(from_json, conn)  # states are read often; twice as fast as the standard library's
    await conn.execute(f"SET idle_in_transaction_session_timeout = '{LONGEST_IDLE_S}s'".encode())
