"""The register's loop: take what came, keep house, and after any fault of the surroundings begin anew."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final

import psycopg
import structlog
from kafka.errors import KafkaError

from schemas import wire
from services.clients.names import Handovers
from services.kernel.clock import monotonic
from services.kernel.errors import BrokerAway, PermanentError
from services.kernel.keys import KeyStore
from services.kernel.origin import restorer
from services.kernel.policies import load_handbook
from services.kernel.tokens import matches, reply_token
from services.ops.audit.seal import published, unpublished
from services.ops.kafka import Access, Publisher
from services.ops.policies import announce
from services.ops.register import keeping, store
from services.ops.register.entry import Trust
from services.ops.register.meters import Meters
from services.ops.register.reader import Reader
from services.ops.register.settings import Settings
from services.packages.expiry import expire

log = structlog.get_logger()
AWAY: Final = (psycopg.OperationalError, KafkaError, BrokerAway)
WAIT_MS: Final = 200
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 10.0
HOUSEKEEPING_S: Final = 5.0
PURGE_S: Final = 3_600.0
DOUBT_AFTER_S: Final = 10.0
"""A register that has read nothing for so long asks whether there was nothing; the second no is a fault."""


def access_of(settings: Settings) -> Access:
    """The register's broker login."""
    password = settings.kafka_password.get_secret_value()
    ca = str(settings.kafka_ca) if settings.kafka_ca else None
    return Access(settings.kafka_bootstrap, settings.kafka_username, password, ca, settings.topic_prefix)


def trust_of(keys: KeyStore) -> Trust:
    """How an outsider's reply is believed: by the token its addressee was given, as the fulfiller does."""
    key = keys.derive("tokens")
    return Trust(
        lambda part, request, addressee, token: matches(reply_token(key, part, request, addressee), token),
        restorer(keys),
        Handovers(keys).request,
    )


class Register:
    """Keeps the register until told to stop."""

    def __init__(self, settings: Settings, keys: KeyStore, meters: Meters) -> None:
        self._settings, self._keys, self._meters = settings, keys, meters
        self._access, self._trust = access_of(settings), trust_of(keys)
        self._kept_at = self._purged_at = float("-inf")
        self._read_at, self._doubts = monotonic(), 0
        self.stop = threading.Event()

    def run(self) -> None:
        """Work until `stop` is set; a broker or database that is away is waited for."""
        wait_s = FIRST_WAIT_S
        while not self.stop.is_set():
            try:
                with self._open() as (db, reader):
                    log.info("started")
                    while not self.stop.is_set():
                        self.step(db, reader)
                        wait_s = FIRST_WAIT_S
            except AWAY as error:
                log.warning("waiting", cause=type(error).__name__, again_in_s=wait_s)
                self.stop.wait(wait_s)
                wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    @contextmanager
    def _open(self) -> Iterator[tuple[store.Conn, Reader]]:
        with store.connection(self._settings.database_url.get_secret_value()) as db:
            reader = Reader(self._access, lambda: store.positions(db), self._settings.register_most)
            self._read_at, self._doubts = monotonic(), 0
            with closing(reader):
                yield db, reader

    def step(self, db: store.Conn, reader: Reader) -> int:
        """Take one batch, and keep house when it is time. Returns how many records came."""
        records = reader.poll(WAIT_MS)
        if records:
            started = monotonic()
            self._meters.took(store.take(db, records, self._trust), monotonic() - started)
            reader.commit()
            self._read_at, self._doubts = monotonic(), 0
        elif monotonic() - self._read_at >= DOUBT_AFTER_S:
            self._doubt(reader)
        if monotonic() - self._kept_at >= HOUSEKEEPING_S:
            self._kept_at = monotonic()
            self.keep_house(db)
        return len(records)

    def _doubt(self, reader: Reader) -> None:
        """Look whether silence means that nothing came.

        Raises:
            BrokerAway: twice in a row it did not; a new consumer will read on from where the database says.
        """
        self._read_at = monotonic()
        self._doubts = 0 if reader.reads_all() else self._doubts + 1
        if self._doubts > 1:
            raise BrokerAway("nothing is read, though something lies there, or no partition is ours")

    def keep_house(self, db: store.Conn) -> None:
        """Sign the day, publish what is signed, forget what is over."""
        now = keeping.now(db)
        try:
            keeping.seal_if_due(db, self._keys, now)
            self._meters.history_broken.set(0)
        except PermanentError as error:
            self._meters.history_broken.set(1)
            log.error("history_broken", problem=str(error))  # noqa: TRY400  the text is ours and says where
        publish_roots(db, self._access)
        if monotonic() - self._purged_at >= PURGE_S:
            self._purged_at = monotonic()
            gone = keeping.purge(db, now) + keeping.empty_old(db, now) + store.forget_repaired(db, now)
            log.info("purged", rows=gone, packages=expire(db, now))
            announce(self._access, load_handbook(self._settings.policies_dir).brands.values(), now)


def publish_roots(db: store.Conn, access: Access) -> int:
    """Put signed roots on their topic; again after a crash, under the same event id. Returns how many."""
    roots = unpublished(db)
    if roots:
        with closing(Publisher(access)) as publisher:
            for root in roots:
                topic, key, value, headers = wire.encode(root, source="rightsbus/ops")
                publisher.send(topic, value, key=key, headers=headers)
        published(db, roots)
    return len(roots)
