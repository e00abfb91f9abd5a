"""What a client's login can reach: its own topic and the replies. Tried with real logins on the real broker."""

import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import (
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePatternFilter,
    ResourceType,
    UserScramCredentialUpsertion,
)
from kafka.errors import AuthorizationError

from bench.system import System
from services.clients.registry import Client
from services.ops import clients, provision
from services.ops.clients import NameTaken
from services.ops.kafka import Access
from services.ops.provision import client_topic
from tests.support.rights import Door

pytestmark = pytest.mark.integration
REPLIES = "privacy.client-replies"
EVERYTHING = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)


def login(system: System, tree: str) -> Door:
    """Register a client of a name nobody else has."""
    name = f"{tree}-{secrets.token_hex(3)}"
    [given] = clients.add(system.found, [Client(name, name, f"privacy@{name}.example")])
    return Door(Access(system.found.endpoints.bootstrap, name, given.password or ""))


@pytest.fixture(scope="module")
def alder(system: System) -> Door:
    return login(system, "alder")


@pytest.fixture(scope="module")
def beech(system: System) -> Door:
    return login(system, "beech")


@pytest.fixture(scope="module")
def everything(system: System, alder: Door, beech: Door) -> set[str]:
    """Every topic there is."""
    admin = KafkaAdminClient(**system.found.access().settings())
    names = set(admin.list_topics())
    admin.close()
    assert {"privacy.requests", "privacy.accepted", "privacy.decisions", topic(alder), topic(beech)} <= names
    return {*names, "__consumer_offsets", "__transaction_state"}


def topic(door: Door) -> str:
    return client_topic(door.access.username)


def rights(system: System, user: str) -> set[tuple[str, str, str, str]]:
    admin = KafkaAdminClient(**system.found.access().settings())
    found, _ = admin.describe_acls(ACLFilter(f"User:{user}", None, ACLOperation.ANY, ACLPermissionType.ANY, EVERYTHING))
    admin.close()
    return {
        (a.operation.name, a.resource_pattern.resource_type.name, a.resource_pattern.resource_name,
         a.resource_pattern.pattern_type.name)
        for a in found
    }  # fmt: skip


def test_a_client_has_these_rights_and_no_other(system: System, alder: Door) -> None:
    name = alder.access.username

    assert rights(system, name) == {
        ("READ", "TOPIC", f"privacy.clients.{name}.requests", "LITERAL"),
        ("DESCRIBE", "TOPIC", f"privacy.clients.{name}.requests", "LITERAL"),
        ("WRITE", "TOPIC", REPLIES, "LITERAL"),
        ("READ", "GROUP", f"{name}.", "PREFIXED"),
    }


def test_a_client_reads_its_own_topic_and_none_other(alder: Door, everything: set[str]) -> None:
    assert alder.readable(everything) == {topic(alder)}


def test_a_client_writes_replies_and_nothing_else(alder: Door, everything: set[str]) -> None:
    assert alder.writable(everything) == {REPLIES}


def test_a_clients_metadata_lists_its_own_topic_and_the_replies_only(alder: Door) -> None:
    admin = alder.admin()

    assert sorted(admin.list_topics()) == sorted([topic(alder), REPLIES])
    admin.close()


def test_a_client_cannot_use_or_see_another_clients_groups(alder: Door, beech: Door) -> None:
    mine = KafkaConsumer(topic(alder), group_id=f"{alder.access.username}.privacy", **alder.access.settings())
    mine.poll(timeout_ms=2_000)
    admin, theirs = beech.admin(), f"{alder.access.username}.privacy"

    assert refused(lambda: admin.list_group_offsets(theirs))
    assert refused(lambda: admin.delete_groups([theirs]))
    assert admin.list_groups() == []
    mine.close()
    admin.close()


CHANGES: dict[str, Callable[[KafkaAdminClient, str], Any]] = {
    "create a topic": lambda a, user: a.create_topics({f"{user}.x": {"num_partitions": 1}}),
    "delete its own topic": lambda a, user: a.delete_topics([client_topic(user)]),
    "add partitions to it": lambda a, user: a.create_partitions({client_topic(user): 2}),
    "delete records of it": lambda a, user: a.delete_records({TopicPartition(client_topic(user), 0): 1}),
    "see rights": lambda a, _: a.describe_acls(
        ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY, EVERYTHING)
    ),
    "take rights": lambda a, user: a.create_acls(provision.client_acls(f"{user}2")),
    "give up rights": lambda a, user: a.delete_acls(
        [ACLFilter(f"User:{user}", None, ACLOperation.ANY, ACLPermissionType.ANY, EVERYTHING)]
    ),
    "change its password": lambda a, user: a.alter_user_scram_credentials(
        [UserScramCredentialUpsertion(user=user, mechanism="SCRAM-SHA-256", iterations=4096, password="x" * 12)]
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_client_cannot_change_anything(alder: Door, change: str) -> None:
    admin = alder.admin()

    assert refused(lambda: CHANGES[change](admin, alder.access.username))
    admin.close()


def refused(ask: Callable[[], Any]) -> bool:
    """Whether the broker refused for want of a right, however the client library says so."""
    try:
        answer = ask()
    except AuthorizationError:
        return True
    told = answer.get("failed", list(answer.values())) if isinstance(answer, dict) else [e for *_, e in answer]
    return bool(told) and all("Authorization" in str(error) or "permission" in str(error) for error in told)


def test_a_wrong_password_is_refused(alder: Door) -> None:
    access = alder.access

    assert alder.opens()
    assert not Door(Access(access.bootstrap, access.username, access.password + "x")).opens()


def test_a_rotated_password_ends_the_old_one(system: System) -> None:
    door = login(system, "cypress")
    given = clients.rotate(system.found, door.access.username)

    assert not door.opens()
    assert Door(Access(door.access.bootstrap, door.access.username, given.password or "")).opens()


def test_a_removed_client_is_cut_off_at_once(system: System) -> None:
    door = login(system, "elm")
    producer = KafkaProducer(**system.found.access().settings())
    producer.send(topic(door), value=b"for elm").get(timeout=10)
    running = door.admin()
    assert topic(door) in running.list_topics()

    clients.remove(system.found, door.access.username)

    assert running.list_topics() == []
    assert not door.opens()
    assert rights(system, door.access.username) == set()
    assert held(system, topic(door)) == []
    running.close()
    producer.close()


def held(system: System, name: str) -> list[bytes]:
    consumer = KafkaConsumer(
        name, auto_offset_reset="earliest", consumer_timeout_ms=1_000, **system.found.access().settings()
    )
    found = [message.value for message in consumer]
    consumer.close()
    return found


@pytest.mark.parametrize("name", ["intake", "admin", "webform", "with.dot", "With-Capitals", "-x"])
def test_a_client_cannot_take_the_name_of_another_user(system: System, name: str) -> None:
    with pytest.raises(NameTaken):
        clients.add(system.found, [Client(name, "Somebody", "privacy@somebody.example")])


def test_registering_takes_less_than_a_second_and_again_changes_nothing(system: System) -> None:
    name = f"gum-{secrets.token_hex(3)}"
    wanted = Client(name, "Gum Trees", f"privacy@{name}.example")

    started = time.monotonic()
    [first] = clients.add(system.found, [wanted])
    took = time.monotonic() - started
    before = rights(system, name)
    [second] = clients.add(system.found, [wanted])

    assert took < 1.0
    assert (first.new, second.new, second.password) == (True, False, None)
    assert rights(system, name) == before
    assert Door(Access(system.found.endpoints.bootstrap, name, first.password or "")).opens()


@pytest.fixture(scope="module", autouse=True)
def tidy(system: System) -> Iterator[None]:
    """Take out again whom these tests registered."""
    before = set(system.found.names("clients"))
    yield
    for client in set(system.found.names("clients")) - before:
        clients.remove(system.found, client)
