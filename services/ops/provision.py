"""Make topics, users and rights from the catalogue. Idempotent: run again, nothing changes.

What a principal may do is derived from who the catalogue says writes and reads each topic, and from nothing else.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    OffsetSpec,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)
from kafka.errors import NoError

from schemas.topics import CATALOGUE, CLIENT, SERVICES, SYSTEM, UPSTREAM, Topic, topic_of
from services.kernel.errors import PermanentError

OWN_SYSTEMS: Final = ("package", "suppress")
CLIENT_TOPIC: Final = topic_of("privacy.clients.any.requests")
TOPICS_WITHIN_MS: Final = 60_000
"""A broker just started, on a busy machine, takes longer than one would think."""
READ, WRITE, DESCRIBE = ACLOperation.READ, ACLOperation.WRITE, ACLOperation.DESCRIBE


class RefusedByBroker(PermanentError):
    """The broker refused to make or remove a user or a right; the text says which."""


def topic_names(systems: Iterable[str], sources: Iterable[str], clients: Iterable[str]) -> dict[str, Topic]:
    """Every topic there must be, by name."""
    values = {
        "system": [*systems, *OWN_SYSTEMS],
        "source": list(sources),
        "client": list(clients),
        "service": list(SERVICES),
    }
    names: dict[str, Topic] = {}
    for topic in CATALOGUE:
        for value in values[topic.field] if topic.field else [""]:
            names[topic.named(value)] = topic
    return names


def client_topic(client: str) -> str:
    """The topic of one client."""
    return CLIENT_TOPIC.named(client)


def create_topics(admin: KafkaAdminClient, names: Mapping[str, Topic], prefix: str = "") -> list[str]:
    """Create the topics that are missing; returns their names."""
    there = set(admin.list_topics())
    missing = {prefix + name: topic for name, topic in names.items() if prefix + name not in there}
    if missing:
        admin.create_topics(
            {name: {"num_partitions": t.partitions, "configs": t.config()} for name, t in missing.items()},
            raise_errors=False,
        )
        admin.wait_for_topics(sorted(missing), timeout_ms=TOPICS_WITHIN_MS)
    return sorted(missing)


def set_password(admin: KafkaAdminClient, user: str, password: str) -> None:
    """Create a SCRAM user, or give it this password."""
    set_passwords(admin, {user: password})


def set_passwords(admin: KafkaAdminClient, passwords: Mapping[str, str]) -> None:
    """Create SCRAM users, or give them these passwords.

    Raises:
        RefusedByBroker: at least one was not taken.
    """
    wanted = [
        UserScramCredentialUpsertion(user=user, mechanism="SCRAM-SHA-256", iterations=4096, password=password)
        for user, password in passwords.items()
    ]
    _expect_none(admin.alter_user_scram_credentials(wanted) if wanted else None)


def users(admin: KafkaAdminClient, names: Iterable[str]) -> set[str]:
    """Those of the names that are SCRAM users."""
    found = admin.describe_user_scram_credentials(list(names))
    return {name for name, told in found.items() if told["credential_infos"]}


def shut_out(admin: KafkaAdminClient, user: str) -> None:
    """Take a user's rights first, then its password. What it has open ends at its next step, or at its next login."""
    everything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
    its_own = ACLFilter(f"User:{user}", None, ACLOperation.ANY, ACLPermissionType.ANY, everything)
    for _, _, error in admin.delete_acls([its_own]):
        if error is not NoError:
            raise RefusedByBroker(f"the broker kept the rights of {user} ({error.__name__})")
    if users(admin, [user]):
        gone = UserScramCredentialDeletion(user=user, mechanism=ScramMechanism.SCRAM_SHA_256)
        _expect_none(admin.alter_user_scram_credentials([gone]))


def empty(admin: KafkaAdminClient, topic: str) -> None:
    """Delete what a topic of one partition holds now. The topic stays: no sender may ever stand before none."""
    part = TopicPartition(topic, 0)
    ends = admin.list_partition_offsets({part: OffsetSpec.LATEST})
    admin.delete_records({part: ends[part].offset})


def _expect_none(errors: Mapping[str, str | None] | None) -> None:
    for user, error in (errors or {}).items():
        if error:
            raise RefusedByBroker(f"the broker refused the user {user}: {error}")


def service_acls(service: str, prefix: str = "") -> list[ACL]:
    """What one of our services may do: read what it reads, write what it writes, use its own groups."""
    acls = []
    for topic in CATALOGUE:
        name, pattern = _resource(topic, prefix, service)
        if service in topic.readers:
            acls += [_topic(service, name, operation, pattern) for operation in (READ, DESCRIBE)]
        if service in topic.writers:
            acls += [_topic(service, name, operation, pattern) for operation in (WRITE, DESCRIBE)]
    acls.append(_group(service, f"{prefix}{service}", ACLResourcePatternType.PREFIXED))
    return acls + (_watching(prefix) if service == "ops" else [])


def _watching(prefix: str) -> list[ACL]:
    """What the operators' tools may see of everything: how long topics are and how far services came; no record."""
    topics = [(prefix + topic.name.partition("<")[0], topic.field) for topic in CATALOGUE if "ops" not in topic.readers]
    prefixed, literal = ACLResourcePatternType.PREFIXED, ACLResourcePatternType.LITERAL
    seen = [_topic("ops", name, DESCRIBE, prefixed if field else literal) for name, field in topics]
    return seen + [_group("ops", f"{prefix}{service}", literal, DESCRIBE) for service in SERVICES if service != "ops"]


def _resource(topic: Topic, prefix: str, service: str) -> tuple[str, ACLResourcePatternType]:
    if topic.field is None:
        return prefix + topic.name, ACLResourcePatternType.LITERAL
    if topic.field == "service" and service != "ops":
        return prefix + topic.named(service), ACLResourcePatternType.LITERAL
    return prefix + topic.name.partition("<")[0], ACLResourcePatternType.PREFIXED


def source_acls(source: str, prefix: str = "") -> list[ACL]:
    """What an upstream app may do: write the two inbound topics, read its own status topic."""
    acls = []
    for topic in CATALOGUE:
        if UPSTREAM in topic.writers:
            acls += [_topic(source, prefix + topic.name, operation) for operation in (WRITE, DESCRIBE)]
        if UPSTREAM in topic.readers:
            acls += [_topic(source, prefix + topic.named(source), operation) for operation in (READ, DESCRIBE)]
    return [*acls, _group(source, f"{prefix}{source}.", ACLResourcePatternType.PREFIXED)]


def client_acls(client: str, prefix: str = "") -> list[ACL]:
    """What a client may do: read its own topic, write replies, use groups of its own. Nothing else."""
    acls = []
    for topic in CATALOGUE:
        if CLIENT in topic.writers:
            acls.append(_topic(client, prefix + topic.name, WRITE))
        if CLIENT in topic.readers:
            acls += [_topic(client, prefix + topic.named(client), operation) for operation in (READ, DESCRIBE)]
    return [*acls, _group(client, f"{prefix}{client}.", ACLResourcePatternType.PREFIXED)]


def system_acls(system: str, prefix: str = "") -> list[ACL]:
    """What a system may do that reads its tasks itself: read its own topic, write what comes of them. Nothing else."""
    acls = []
    for topic in CATALOGUE:
        if SYSTEM in topic.writers:
            acls += [_topic(system, prefix + topic.name, operation) for operation in (WRITE, DESCRIBE)]
        if SYSTEM in topic.readers:
            acls += [_topic(system, prefix + topic.named(system), operation) for operation in (READ, DESCRIBE)]
    return [*acls, _group(system, f"{prefix}{system}.", ACLResourcePatternType.PREFIXED)]


def apply(admin: KafkaAdminClient, acls: list[ACL]) -> None:
    """Add rights; those there already stay.

    Raises:
        RefusedByBroker: at least one was not added.
    """
    if acls and (failed := admin.create_acls(acls)["failed"]):
        raise RefusedByBroker(f"the broker refused {len(failed)} rights")


def _topic(
    user: str,
    name: str,
    operation: ACLOperation,
    pattern: ACLResourcePatternType = ACLResourcePatternType.LITERAL,
) -> ACL:
    return _acl(user, operation, ResourcePattern(ResourceType.TOPIC, name, pattern))


def _group(user: str, name: str, pattern: ACLResourcePatternType, operation: ACLOperation = READ) -> ACL:
    return _acl(user, operation, ResourcePattern(ResourceType.GROUP, name, pattern))


def _acl(user: str, operation: ACLOperation, resource: ResourcePattern) -> ACL:
    return ACL(
        principal=f"User:{user}", host="*", operation=operation, permission_type=ACLPermissionType.ALLOW,
        resource_pattern=resource,
    )  # fmt: skip
