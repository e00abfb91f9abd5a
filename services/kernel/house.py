"""What a process opens once and every stage in it stands on."""

from dataclasses import dataclass

import faust
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from services.kernel.bus import new_app
from services.kernel.clock import Clock
from services.kernel.keys import FileKeyStore, KeyStore
from services.kernel.metrics import StageMetrics
from services.kernel.settings import ServiceSettings
from services.kernel.store import Conn
from services.kernel.vault import Sealer, Vault


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
        min_size=2,
        max_size=10,
        open=False,
        kwargs={"autocommit": True},
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
