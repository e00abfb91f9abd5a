"""One installation as the operator's commands see it: where it is, its logins, its keys; and how it is set up."""

import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from connectors.datamap import DataMap, compile_map
from schemas.topics import SERVICES
from schemas.values import Mode
from services.clients.registry import Client
from services.kernel.errors import Misconfigured
from services.kernel.keys import FileKeyStore
from services.kernel.policies import read_policies
from services.ops import provision
from services.ops.kafka import Access, admin
from stack.endpoints import Endpoints
from stack.files import read_json, write_json
from stack.logins import ensure_logins

OUTSIDE_LOGINS: Final = "outside-logins.json"
SYSTEMS_FILE: Final = "systems.json"
POLICIES: Final = Path(__file__).parents[2] / "policies"


@dataclass(frozen=True, slots=True)
class Installation:
    """A provisioned system behind one data folder."""

    endpoints: Endpoints
    policies: Path = POLICIES
    prefix: str = ""

    @classmethod
    def find(cls, data_dir: Path) -> "Installation":
        """The installation of a data folder.

        Raises:
            Misconfigured: nothing was started there.
        """
        endpoints = Endpoints.load(data_dir.expanduser().resolve())
        if endpoints is None:
            message = f"nothing was set up in {data_dir}; `rightsbus up` does it"
            raise Misconfigured(message)
        return cls(endpoints)

    @property
    def keys(self) -> FileKeyStore:
        """Its key store."""
        return FileKeyStore(self.endpoints.keys_dir)

    def access(self, user: str = "admin") -> Access:
        """A broker login: the admin's, a service's, or an outsider's made here."""
        e = self.endpoints
        if user == "admin":
            return Access(e.bootstrap, e.admin.username, e.admin.password, e.kafka_ca, self.prefix)
        known = (read_json(e.data_dir / "logins.json") or {}) | self.outside_logins()
        if user not in known:
            message = f"no login for {user} is kept in {e.data_dir}"
            raise Misconfigured(message)
        return Access(e.bootstrap, user, known[user], e.kafka_ca, self.prefix)

    def outside_logins(self) -> dict[str, str]:
        """Passwords of upstream apps and clients made by an embedded installation for its own trials."""
        return dict(read_json(self.endpoints.data_dir / OUTSIDE_LOGINS) or {})

    def connect(self) -> psycopg.Connection[Any]:
        """A database connection, autocommitting.

        Raises:
            Misconfigured: the database does not answer.
        """
        try:
            return psycopg.connect(self.endpoints.database_url, autocommit=True, connect_timeout=5)
        except psycopg.OperationalError as error:
            message = f"the database does not answer ({type(error).__name__}); `rightsbus status` says more"
            raise Misconfigured(message) from None

    def systems(self) -> DataMap:
        """The data map in force."""
        return compile_map(read_policies(self.policies)["systems.yaml"])

    def set_up(self) -> None:
        """Bring keys, database, topics, users and rights to where they must be. Idempotent."""
        from services.kernel.migrate import upgrade

        self.keys.create()
        upgrade(self.endpoints.database_url)
        logins = ensure_logins(self.endpoints.data_dir)
        with admin(self.access()) as client:
            names = provision.topic_names(self.systems().systems, self.names("sources"), self.names("clients"))
            provision.create_topics(client, names, self.prefix)
            for service, password in logins.items():
                provision.set_password(client, service, password)
                provision.apply(client, provision.service_acls(service, self.prefix))

    def names(self, table: str) -> list[str]:
        """Registered sources or clients, the first registered first."""
        column = "name" if table == "sources" else "id"
        with self.connect() as db:
            return [row[0] for row in db.execute(f"SELECT {column} FROM ops.{table} ORDER BY created_at, 1")]  # noqa: S608  ours

    def add_source(self, name: str) -> str:
        """Register an upstream app: its user, rights and status topic. Returns its password.

        Raises:
            Misconfigured: the name is a client's, a service's or the broker's own.
        """
        if name in {*self.names("clients"), *SERVICES, "admin", "broker"}:
            raise Misconfigured(f"{name} is the name of a client or a service; an upstream app needs another one")
        with self.connect() as db:
            db.execute("INSERT INTO ops.sources (name) VALUES (%s) ON CONFLICT DO NOTHING", [name])
        return self._outsider(name, provision.topic_names((), [name], ()), provision.source_acls(name, self.prefix))

    def add_system(self, name: str) -> str:
        """Give a system that reads its tasks itself a user, its rights and its topic. Returns its password.

        Raises:
            Misconfigured: the data map knows no participant of that name, or somebody else has it.
        """
        declared = self.systems().systems.get(name)
        if declared is None or not declared.participant:
            raise Misconfigured(f"{name} is no system with `connector: participant` in the data map")
        if name in {*self.names("clients"), *self.names("sources"), *SERVICES}:
            raise Misconfigured(f"{name} is the name of a client, an upstream app or a service; give it another one")
        return self._outsider(name, provision.topic_names([name], (), ()), provision.system_acls(name, self.prefix))

    def add_client(self, client: str, *, name: str, contact: str, mode: str) -> str | None:
        """Register a client merchant with a topic; returns its password when it is new."""
        from services.ops import clients

        wanted = Client(client, name, contact, Mode(mode))
        return clients.add(self, [wanted])[0].password

    @property
    def embedded(self) -> bool:
        """Whether the broker is one of ours, for trials: only then are outsiders' passwords kept."""
        return (self.endpoints.data_dir / "kafka").is_dir() and "KAFKA_BOOTSTRAP" not in os.environ

    def remember(self, passwords: Mapping[str, str]) -> None:
        """Keep outsiders' passwords, if this is an embedded installation."""
        if self.embedded and passwords:
            write_json(self.endpoints.data_dir / OUTSIDE_LOGINS, self.outside_logins() | dict(passwords))

    def forget(self, user: str) -> None:
        """Keep an outsider's password no longer."""
        left = {name: password for name, password in self.outside_logins().items() if name != user}
        if left != self.outside_logins():
            write_json(self.endpoints.data_dir / OUTSIDE_LOGINS, left)

    def _outsider(self, user: str, names: dict[str, Any], acls: Iterable[Any]) -> str:
        password = self.outside_logins().get(user) or secrets.token_urlsafe(18)
        with admin(self.access()) as client:
            provision.create_topics(client, names, self.prefix)
            provision.set_password(client, user, password)
            provision.apply(client, list(acls))
        file = self.endpoints.data_dir / OUTSIDE_LOGINS
        write_json(file, self.outside_logins() | {user: password})
        return password
