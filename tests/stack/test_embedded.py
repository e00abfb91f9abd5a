"""The whole stack in one folder: started, found again, stopped, or replaced by real servers."""

import smtplib
import stat
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import psycopg
import pytest

from stack.embedded import Embedded
from stack.endpoints import Endpoints
from stack.ports import answers

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """A stack of these tests' own."""
    embedded = Embedded(tmp_path_factory.mktemp("one"), echo=lambda _: None)
    embedded.start()
    yield embedded
    embedded.stop()


def test_two_stacks_run_side_by_side_and_a_stopped_one_listens_nowhere(stack: Embedded, tmp_path: Path) -> None:
    other = Embedded(tmp_path / "two", echo=lambda _: None)
    try:
        first, second = stack.start(), other.start()

        assert first.bootstrap != second.bootstrap
        assert first.smtp_url != second.smtp_url
        assert first.database_url != second.database_url
        assert first.admin.password != second.admin.password
    finally:
        other.stop()
    assert (other.broker.pid, other.database.pid, other.mail.pid) == (None, None, None)
    for address in (second.bootstrap, second.smtp_url):
        assert not answers(int(address.rpartition(":")[2]))


def test_starting_again_finds_what_runs(stack: Embedded) -> None:
    before = (stack.broker.pid, stack.database.pid, stack.mail.pid)

    found = Embedded(stack.data_dir, echo=lambda _: None).start()

    assert (stack.broker.pid, stack.database.pid, stack.mail.pid) == before
    assert found == Endpoints.load(stack.data_dir)


def test_rows_survive_a_stop_and_a_crash(stack: Embedded) -> None:
    with psycopg.connect(stack.start().database_url) as connection:
        connection.execute("CREATE TABLE kept (value text)")
        connection.execute("INSERT INTO kept VALUES ('before the stop')")
    stack.stop()
    with psycopg.connect(stack.start().database_url) as connection:
        connection.execute("INSERT INTO kept VALUES ('before the crash')")
    stack.database.kill()
    assert stack.database.pid is None

    with psycopg.connect(stack.start().database_url) as connection:
        rows = connection.execute("SELECT value FROM kept").fetchall()

    assert rows == [("before the stop",), ("before the crash",)]


def test_a_message_becomes_one_file_with_its_envelope(stack: Embedded) -> None:
    endpoints = stack.start()
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "privacy@example.org", "ana@example.com", "Grüße"
    message.set_content("Hello")
    host, port = endpoints.smtp_url.removeprefix("smtp://").split(":")

    with smtplib.SMTP(host, int(port)) as server:
        server.send_message(message, to_addrs=["kept@example.net"])

    [letter] = endpoints.mail_dir.glob("*.eml")
    text = letter.read_text()
    assert "X-RcptTo: kept@example.net" in text
    assert "Hello" in text


def test_files_with_secrets_belong_to_their_owner_alone(stack: Embedded) -> None:
    folder = stack.data_dir
    for path in (
        folder / "stack.json",
        folder / "kafka" / "identity.json",
        folder / "kafka" / "server.properties",
    ):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for path in (folder / "mail", folder / "keys", folder / "print", folder / "kafka"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stack.broker.admin.password not in repr(stack.start())


def test_the_database_has_no_port(stack: Embedded) -> None:
    with psycopg.connect(stack.start().database_url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.info.server_version >= 180_000


def test_real_servers_named_by_the_environment_are_used_and_nothing_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP", "kafka.example.test:9092")
    monkeypatch.setenv("KAFKA_USERNAME", "provisioner")
    monkeypatch.setenv("DATABASE_URL", "postgresql://db.example.test/rightsbus")
    monkeypatch.setenv("SMTP_URL", "smtp://mail.example.test:25")
    embedded = Embedded(tmp_path / "real", echo=lambda _: None)

    endpoints = embedded.start()

    assert endpoints.bootstrap == "kafka.example.test:9092"
    assert endpoints.admin.username == "provisioner"
    assert endpoints.database_url == "postgresql://db.example.test/rightsbus"
    assert endpoints.smtp_url == "smtp://mail.example.test:25"
    assert (embedded.broker.pid, embedded.database.pid, embedded.mail.pid) == (None, None, None)
    embedded.stop()
