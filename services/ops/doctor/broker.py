"""The broker: does it answer, does it know our users, does it hold our topics and rights as the catalogue says?"""

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ConfigResource,
    ConfigResourceType,
    ResourcePatternFilter,
    ResourceType,
)
from kafka.errors import KafkaError

from schemas.topics import SERVICES, Topic
from services.kernel.errors import RightsbusError
from services.ops import provision
from services.ops.doctor.finding import Finding
from services.ops.installation import Installation
from services.ops.kafka import admin

TOPICS: Final = "`rightsbus topics create`"
SHOWN: Final = 5
ANYTHING: Final = ACLFilter(
    None,
    None,
    ACLOperation.ANY,
    ACLPermissionType.ANY,
    ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY),
)


def look(found: Installation) -> Iterator[Finding]:
    """Everything about the broker; only that it is away, if it is."""
    address = found.endpoints.bootstrap
    try:
        with admin(found.access()) as client:
            brokers = client.describe_cluster()["brokers"]
            yield Finding("broker", f"{address} answers, {len(brokers)} broker(s)")
            yield from _logins(found)
            names = provision.topic_names(found.systems().systems, found.names("sources"), found.names("clients"))
            yield _topics(client, names, found.prefix)
            yield _settings(client, names, found.prefix)
            yield from _rights(client, found)
    except (KafkaError, RightsbusError) as error:
        told = str(error) if isinstance(error, RightsbusError) else type(error).__name__
        mend = "start it (`rightsbus up`), or correct KAFKA_BOOTSTRAP, KAFKA_USERNAME, KAFKA_PASSWORD, KAFKA_CA"
        yield Finding("broker", f"{address}: {told}", mend)


def _logins(found: Installation) -> Iterator[Finding]:
    """Try each service's own login."""

    def enters(service: str) -> bool:
        try:
            with admin(found.access(service)):
                return True
        except RightsbusError:
            return False

    with ThreadPoolExecutor() as pool:
        shut_out = [name for name, ok in zip(SERVICES, pool.map(enters, SERVICES), strict=True) if not ok]
    told = f"refused: {', '.join(shut_out)}" if shut_out else f"all {len(SERVICES)} services can log in"
    yield Finding("logins", told, f"{TOPICS} sets the passwords of logins.json again" if shut_out else "")


def _topics(client: KafkaAdminClient, names: dict[str, Topic], prefix: str) -> Finding:
    there = {topic["name"]: len(topic["partitions"]) for topic in client.describe_topics([prefix + n for n in names])
             if topic.get("partitions")}  # fmt: skip
    missing = [name for name in names if prefix + name not in there]
    other = [n for n, t in names.items() if there.get(prefix + n, t.partitions) != t.partitions]
    if missing:
        return Finding("topics", f"missing: {_some(missing)}", f"{TOPICS} makes them")
    if other:
        mend = "a partition count cannot shrink: keep it and note it, or make the topic anew while it is empty"
        return Finding("topics", f"another partition count than the catalogue's: {_some(other)}", mend)
    return Finding("topics", f"all {len(names)} are there")


def _settings(client: KafkaAdminClient, names: dict[str, Topic], prefix: str) -> Finding:
    asked = [ConfigResource(ConfigResourceType.TOPIC, prefix + name) for name in names]
    told: dict[str, Any] = next(iter(client.describe_configs(asked, config_filter="all").values()), {})
    wrong = [
        f"{name} {setting}={_value(told, prefix + name, setting)}, not {wanted}"
        for name, topic in names.items()
        for setting, wanted in topic.config().items()
        if _value(told, prefix + name, setting) not in {None, wanted}
    ]
    mend = "set them with the broker's own tool, as `docs/topics.md` says; retention decides when data are gone"
    return Finding("topic settings", _some(wrong) or "as the catalogue says", mend if wrong else "")


def _value(told: dict[str, Any], name: str, setting: str) -> str | None:
    entry = told.get(name, {}).get(setting)
    return entry.get("value") if isinstance(entry, dict) else entry


def _rights(client: KafkaAdminClient, found: Installation) -> Iterator[Finding]:
    there, _ = client.describe_acls(ANYTHING)
    expected = Counter(_told(acl) for acl in _expected(found))
    present = Counter(_told(acl) for acl in there if acl.resource_pattern.resource_name.startswith(found.prefix))
    missing, more = sorted(expected.keys() - present.keys()), sorted(present.keys() - expected.keys())
    yield Finding("rights", f"missing: {_some(missing)}" if missing else f"all {len(expected)} are there",
                  f"{TOPICS} adds them" if missing else "")  # fmt: skip
    mend = "find out who added them; what nobody needs is removed with the broker's own tool"
    yield Finding("rights nobody should have", _some(more) or "none", mend if more else "")


def _expected(found: Installation) -> Iterable[ACL]:
    for service in SERVICES:
        yield from provision.service_acls(service, found.prefix)
    for source in found.names("sources"):
        yield from provision.source_acls(source, found.prefix)
    with found.connect() as db:
        enabled = [row[0] for row in db.execute("SELECT id FROM ops.clients WHERE enabled")]
    for client in enabled:
        yield from provision.client_acls(client, found.prefix)


def _told(acl: ACL) -> str:
    """A right in words: `User:x may READ TOPIC y`."""
    resource, prefixed = acl.resource_pattern, acl.resource_pattern.pattern_type is ACLResourcePatternType.PREFIXED
    allowed = "may" if acl.permission_type is ACLPermissionType.ALLOW else "may not"
    name = f"{resource.resource_name}{'*' if prefixed else ''}"
    return f"{acl.principal} {allowed} {acl.operation.name} {resource.resource_type.name} {name}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
