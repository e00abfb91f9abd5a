"""What the embedded broker is told: three listeners, every one of them asking who is there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import PurePath

from stack.ports import LOOPBACK

LISTENERS = ("CLIENT", "INTERNAL", "CONTROLLER")
ADMIN, BROKER = "admin", "broker"
_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"

JVM_FLAGS = (
    "-Xms64m",
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
)
"""For a small machine: little heap, one collector thread, no optimising compiler, warnings only."""


@dataclass(frozen=True)
class Identity:
    """What makes one embedded broker this one; kept with its data, for its owner only."""

    cluster_id: str
    client_port: int
    internal_port: int
    controller_port: int
    admin_password: str = field(repr=False)
    inner_password: str = field(repr=False)

    @property
    def ports(self) -> tuple[int, int, int]:
        """The ports of the three listeners."""
        return self.client_port, self.internal_port, self.controller_port


REAUTH = timedelta(minutes=10)
"""How often a client must log in again on an open connection: a removed user is cut off after this at the latest."""


def properties(identity: Identity, log_dir: PurePath, *, bind: str = LOOPBACK, reauth: timedelta = REAUTH) -> str:
    """Render `server.properties`: SCRAM for clients, a secret between its own parts, ACLs, no open door.

    `bind` is where the clients' listener listens; the other two never leave the loopback address.
    """
    again = {"listener.name.client.scram-sha-256.connections.max.reauth.ms": str(reauth // timedelta(milliseconds=1))}
    settings = {
        **_listeners(identity, bind),
        **_security(identity),
        **again,
        **_SMALL_MACHINE,
        "log.dirs": str(log_dir),
    }
    return "".join(f"{name}={_escaped(value)}\n" for name, value in settings.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\")


def _listeners(identity: Identity, bind: str) -> dict[str, str]:
    client, internal, controller = (f"{LOOPBACK}:{port}" for port in identity.ports)
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{controller}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "INTERNAL",
        "listeners": f"CLIENT://{bind}:{identity.client_port},INTERNAL://{internal},CONTROLLER://{controller}",
        "advertised.listeners": f"CLIENT://{client},INTERNAL://{internal}",
        "listener.security.protocol.map": ",".join(f"{name}:SASL_PLAINTEXT" for name in LISTENERS),
    }


def _security(identity: Identity) -> dict[str, str]:
    secret = identity.inner_password
    inner = f'{_PLAIN} required username="{BROKER}" password="{secret}" user_{BROKER}="{secret}";'
    return {
        "sasl.enabled.mechanisms": "SCRAM-SHA-256",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.client.sasl.enabled.mechanisms": "SCRAM-SHA-256",
        "listener.name.client.scram-sha-256.sasl.jaas.config": f"{_SCRAM} required;",
        "listener.name.internal.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.internal.plain.sasl.jaas.config": inner,
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": inner,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{BROKER};User:{ADMIN}",
        "allow.everyone.if.no.acl.found": "false",
        "auto.create.topics.enable": "false",
    }


_SMALL_MACHINE: Mapping[str, str] = {
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "3000",
    "num.network.threads": "2",
    "num.io.threads": "2",
    "log.cleaner.dedupe.buffer.size": "4194304",
    "log.index.size.max.bytes": "1048576",
    "log.retention.check.interval.ms": "30000",
    # after a crash a new start must wait until the old session is over
    "broker.session.timeout.ms": "4000",
    "broker.heartbeat.interval.ms": "500",
}
