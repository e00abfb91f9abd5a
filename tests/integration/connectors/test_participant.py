"""The documented participant, as a program of its own, with its own login, on the real broker."""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey
from kafka import KafkaConsumer, KafkaProducer

from connectors import participant
from connectors.port import Task
from schemas.exports import ExportUploaded
from schemas.topics import CATALOGUE, SYSTEM
from schemas.values import Action
from services.ops import provision
from stack.endpoints import Login
from tests.contract.company import erase, task
from tests.contract.reached import PUBLIC
from tests.support.servers import TestBroker
from tests.support.source import ROOT

pytestmark = pytest.mark.integration
OURS = ECKey.generate_key("P-256")
MEMBERS = {"m-7": {"since": "2024-02-03", "points": 40}, "m-8": {"since": "2025-01-01", "points": 2}}


class Loyalty:
    """The program at work in a folder of its own, and our side of its topics."""

    def __init__(self, broker: TestBroker, prefix: str, folder: Path) -> None:
        self.broker, self.prefix, self.folder = broker, prefix, folder
        self.key, self.name = ECKey.generate_key("P-256"), f"loyalty-{secrets.token_hex(3)}"
        (folder / "members.json").write_text(json.dumps({"members": MEMBERS, "done": {}}), "utf-8")
        password = secrets.token_hex(8)
        topics = {topic.named(self.name): topic for topic in CATALOGUE if SYSTEM in (*topic.writers, *topic.readers)}
        with broker.admin_client() as admin:
            provision.create_topics(admin, topics, prefix)
            provision.set_password(admin, self.name, password)
            provision.apply(admin, provision.system_acls(self.name, prefix))
        self.out = KafkaProducer(**broker.client_settings())
        self.told = KafkaConsumer(
            prefix + "privacy.task-results", prefix + "privacy.task-exports", auto_offset_reset="earliest",
            **broker.client_settings(),
        )  # fmt: skip
        self.program = self.start(Login(self.name, password))

    def start(self, login: Login) -> "subprocess.Popen[bytes]":
        text = (ROOT / "docs" / "systems" / "participant.py").read_text("utf-8")
        for ours in ('"privacy.', 'group_id": f"'):
            text = text.replace(ours, f"{ours}{self.prefix}" if ours.startswith("group") else f'"{self.prefix}privacy.')
        (self.folder / "participant.py").write_text(text, "utf-8")
        environment = {
            "SYSTEM": self.name, "KAFKA": json.dumps(self.broker.client_settings(login)),
            "KEY": json.dumps(self.key.as_dict(private=True)),
        }  # fmt: skip
        return subprocess.Popen([sys.executable, "participant.py"], cwd=self.folder, env=dict(os.environ) | environment)

    def ask(self, wanted: Task) -> None:
        """Publish an assignment, with its keys sealed."""
        public = {name: value for name, value in self.key.as_dict(private=False).items() if name in PUBLIC}
        assigned = {
            "request_id": wanted.request_id, "task_id": str(wanted.task_id), "system": self.name,
            "part": f"own/system:{self.name}", "attempt": 1, "action": wanted.action.value, "reply_token": "t0ken",
            "keys_jwe": participant.seal_keys(public, wanted), "upload_jwk": OURS.as_dict(private=False),
        }  # fmt: skip
        topic = f"{self.prefix}privacy.tasks.{self.name}"
        self.out.send(topic, json.dumps(assigned).encode(), key=wanted.request_id.encode()).get(timeout=30)

    def hear(self, count: int) -> list[tuple[str, dict[str, Any]]]:
        """Wait for so many answers."""
        heard: list[tuple[str, dict[str, Any]]] = []
        deadline = time.monotonic() + 40
        while len(heard) < count and time.monotonic() < deadline:
            assert self.program.poll() is None
            for records in self.told.poll(timeout_ms=200).values():
                heard += [(r.topic.removeprefix(self.prefix), json.loads(r.value)) for r in records]
        assert len(heard) == count
        return heard

    def close(self) -> None:
        self.program.terminate()
        self.program.wait(10)
        self.out.close()
        self.told.close()
        with self.broker.admin_client() as admin:
            provision.shut_out(admin, self.name)


@pytest.fixture
def loyalty(broker: TestBroker, topic_prefix: str, tmp_path: Path) -> Iterator[Loyalty]:
    made = Loyalty(broker, topic_prefix, tmp_path)
    yield made
    made.close()


def test_a_participant_answers_with_its_own_login_and_nobody_else_can_read_what_it_sends(loyalty: Loyalty) -> None:
    mine = ({"member_id": "m-7"},)
    for wanted in (task(Action.EXPORT, 1, keys=mine), erase(1, keys=mine), erase(1, keys=mine), erase(2, keys=())):
        loyalty.ask(wanted)

    heard = loyalty.hear(4)

    [upload] = [body for topic, body in heard if topic == "privacy.task-exports"]
    results = [(body["outcome"], body["counts"]) for topic, body in heard if topic == "privacy.task-results"]
    assert results == [("erased", {"commercial": 1})] * 2 + [("not_found", {})]
    event = {"event_id": upload["task_id"], "occurred_at": "2026-03-02T12:00:00Z", "case_id": upload["request_id"]}
    told = ExportUploaded.model_validate(event | upload)
    assert (told.number, told.of) == (0, 1)
    assert "2024-02-03" not in json.dumps(upload)
    piece = participant.Piece.model_validate_json(participant.opened(OURS.as_dict(private=True), told.jwe))
    assert piece.rows == [MEMBERS["m-7"]]
    assert json.loads((loyalty.folder / "members.json").read_text("utf-8"))["members"] == {"m-8": MEMBERS["m-8"]}
