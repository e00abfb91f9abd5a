"""Nobody comes into the embedded broker unasked, and it is the same one after a stop or a crash."""

import time
from collections.abc import Iterator
from datetime import timedelta

import psutil
import pytest
from confluent_kafka import KafkaError
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaTimeoutError

from services.ops.kafka import Access
from services.ops.provision import set_password, shut_out
from stack.broker import Broker
from stack.endpoints import Login
from tests.support.raw_kafka import ACCEPTED, BAD_PASSWORD, MECHANISM_UNKNOWN, METADATA, Knock
from tests.support.rights import Door
from tests.support.servers import TestBroker

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker of these tests' own, free to be stopped and killed."""
    folder = tmp_path_factory.mktemp("broker")
    broker = Broker(folder / "kafka", log=folder / "kafka.log", echo=lambda _: None, reauth=timedelta(seconds=2))
    broker.start()
    yield broker
    broker.stop()


def handle(broker: Broker) -> TestBroker:
    return TestBroker(broker.bootstrap, broker.admin, "embedded")


def publish(broker: Broker, topic: str, value: bytes) -> None:
    producer = KafkaProducer(**handle(broker).client_settings())
    producer.send(topic, value=value).get(timeout=20)
    producer.close()


def values(broker: Broker, topic: str) -> list[bytes]:
    consumer = KafkaConsumer(
        topic, auto_offset_reset="earliest", consumer_timeout_ms=1_500, **handle(broker).client_settings()
    )
    found = [message.value for message in consumer]
    consumer.close()
    return found


@pytest.mark.parametrize("listener", [0, 1, 2], ids=["client", "internal", "controller"])
def test_a_listener_answers_nobody_who_does_not_say_who_they_are(own: Broker, listener: int) -> None:
    port = own.identity().ports[listener]

    with Knock(port) as first, Knock(port) as second:
        assert first.anonymous() is None
        assert second.anonymous(METADATA) is None


@pytest.mark.parametrize("listener", [1, 2], ids=["internal", "controller"])
def test_an_inner_listener_wants_the_brokers_own_password(own: Broker, listener: int) -> None:
    port, secret = own.identity().ports[listener], own.identity().inner_password

    with Knock(port) as wrong, Knock(port) as stranger, Knock(port) as right:
        assert wrong.plain("broker", secret + "x") == BAD_PASSWORD
        assert stranger.plain("admin", own.admin.password) == BAD_PASSWORD
        assert right.plain("broker", secret) == ACCEPTED


def test_the_clients_listener_knows_no_plain_passwords(own: Broker) -> None:
    identity = own.identity()

    with Knock(identity.client_port) as knock:
        assert knock.plain("broker", identity.inner_password) == MECHANISM_UNKNOWN


def test_a_client_with_a_wrong_password_does_not_come_in(own: Broker) -> None:
    settings = handle(own).client_settings(Login("admin", own.admin.password + "x"))

    with pytest.raises(KafkaTimeoutError):
        KafkaAdminClient(bootstrap_timeout_ms=1_500, **settings)


def test_what_a_removed_user_still_has_open_ends_at_its_next_login(own: Broker) -> None:
    refusals: list[KafkaError] = []
    with handle(own).admin_client() as boss:
        set_password(boss, "fir", "a password")
        running = Door(Access(own.bootstrap, "fir", "a password")).client(refusals)
        assert running.list_topics(timeout=5).brokers

        shut_out(boss, "fir")

    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and KafkaError._AUTHENTICATION not in {error.code() for error in refusals}:
        running.poll(0.1)
    assert KafkaError._AUTHENTICATION in {error.code() for error in refusals}


def test_records_survive_a_stop_and_a_crash(own: Broker) -> None:
    with handle(own).admin_client() as admin:
        admin.create_topics({"kept": {"num_partitions": 1, "replication_factor": 1}})
    publish(own, "kept", b"before the stop")
    address = own.bootstrap

    own.stop()
    assert own.pid is None
    own.start()
    publish(own, "kept", b"before the crash")
    own.kill()
    assert own.pid is None
    started = time.monotonic()
    own.start()

    assert own.bootstrap == address
    assert time.monotonic() - started < 30
    assert values(own, "kept") == [b"before the stop", b"before the crash"]


def test_no_password_is_in_its_log_or_its_command_line(own: Broker) -> None:
    identity = own.identity()
    log = own._log.read_text(encoding="utf-8")
    command = " ".join(psutil.Process(own.pid).cmdline())

    for secret in (identity.admin_password, identity.inner_password):
        assert secret not in log
        assert secret not in command
        assert secret not in repr(identity)
