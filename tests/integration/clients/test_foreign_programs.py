"""The documentation's programs, as a merchant would run them: each receives, decrypts, replies; the request closes."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from bench.system import System
from schemas.values import Mode
from services.clients import jose
from stack.ports import free_port
from tests.support.shop import Desk, Shop, open_shop
from tests.support.source import ROOT

pytestmark = pytest.mark.integration
DOCS = ROOT / "docs" / "clients"
INSTALL_WITHIN_S = 120
PROGRAMS = {
    "kafka-python": [sys.executable, str(DOCS / "kafka_python.py")],
    "librdkafka": [sys.executable, str(DOCS / "librdkafka.py")],
    "kafkajs": ["node", "kafkajs.mjs"],
}
NODE = all(shutil.which(name) for name in ("node", "npm"))
NAMES = [
    pytest.param(name, marks=pytest.mark.skipif(not NODE, reason="node and npm are not installed"))
    if name == "kafkajs"
    else name
    for name in PROGRAMS
]
"""Where node is, its program must run; only where there is none it is left out, and pytest says so."""


class Program:
    """One program at work for one client."""

    def __init__(self, shop: Shop, argv: list[str], folder: Path) -> None:
        assert shop.encryption is not None
        key, self._said = folder / "private.jwk.json", folder / "said.txt"
        key.write_text(json.dumps(shop.encryption.as_dict(private=True)))
        told = {"BOOTSTRAP": shop.access.bootstrap, "CLIENT": shop.id, "PASSWORD": shop.password, "KEY": str(key)}
        with self._said.open("w") as out:
            self._process = subprocess.Popen(argv, cwd=folder, env={**os.environ, **told}, stdout=out, stderr=out)
        self.shop = shop

    def said(self) -> str:
        return self._said.read_text()

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(10)


@contextmanager
def at_work(system: System, name: str, folder: Path) -> Iterator[Program]:
    """Register a client with a key of its own, and start a program for it."""
    folder.mkdir()
    if name == "kafkajs":
        for file in ("kafkajs.mjs", "package.json"):
            shutil.copy(DOCS / file, folder)
        argv = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", f"--cache={folder / 'cache'}"]
        subprocess.run(argv, cwd=folder, check=True, timeout=INSTALL_WITHIN_S)
    program = Program(open_shop(system, "rowan", keys=True), PROGRAMS[name], folder)
    try:
        yield program
    finally:
        program.end()


@pytest.fixture(scope="module")
def programs(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Program]]:
    """Every program that can run here, all at once."""
    base = tmp_path_factory.mktemp("programs")
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(at_work(system, name, base / name))
            for name in PROGRAMS
            if NODE or name != "kafkajs"
        }


def test_the_documentations_webhook_takes_a_request_and_answers_it(system: System, desk: Desk, tmp_path: Path) -> None:
    port = free_port()
    shop = open_shop(system, "sorbus", url=f"http://127.0.0.1:{port}/requests")
    told = {"SECRET": shop.secret or "", "PORT": str(port)}
    asked = desk.asks(shop.ships_to("Sascha Sorge"), "opt_out_sale_share")
    with (tmp_path / "said.txt").open("w") as out:
        hook = subprocess.Popen(
            [sys.executable, str(DOCS / "webhook.py")], env={**os.environ, **told}, stdout=out, stderr=out
        )
        try:
            ends = desk.end(asked, within_s=60)
        finally:
            hook.terminate()
            hook.wait(10)

    assert ends[f"client:{shop.id}/handover"] == "completed"
    assert shop.calls(asked) in (tmp_path / "said.txt").read_text()


def test_the_documentations_instruction_is_carried_out_and_its_question_answered(
    system: System, desk: Desk, tmp_path: Path
) -> None:
    shop = open_shop(system, "tilia", mode=Mode.ACT_FOR_ME, keys=True)
    assert shop.signature is not None
    ours, mine, inbox = tmp_path / "ours.jwk.json", tmp_path / "mine.jwk.json", shop.messages()
    ours.write_text(json.dumps(jose.Inbound(system.found.keys).public()))
    mine.write_text(json.dumps(shop.signature.as_dict(private=True)))
    told = {"BOOTSTRAP": shop.access.bootstrap, "CLIENT": shop.id, "PASSWORD": shop.password,
            "SIGNING_KEY": str(mine), "OUR_KEY": str(ours)}  # fmt: skip
    one = shop.ships_to("Tilda Tellheim")
    for words in (["erase", "ticket-1", "parcelwise", one.order_number], ["providers", "question-1"]):
        argv = [sys.executable, str(DOCS / "instruct.py"), *words]
        subprocess.run(argv, env={**os.environ, **told}, check=True, timeout=30)

    assert inbox.until("result")["instruction_id"] == "ticket-1"
    assert inbox.until("service-providers")["instruction_id"] == "question-1"
    assert shop.holds(one) is None
    inbox.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_foreign_program_receives_decrypts_and_replies_and_the_request_closes(
    name: str, desk: Desk, programs: dict[str, Program]
) -> None:
    shop = programs[name].shop
    asked = desk.asks(shop.ships_to("Ronja Roth"), "opt_out_sale_share")
    try:
        ends = desk.end(asked, within_s=40)
    except TimeoutError:
        ends = {}

    assert ends.get(f"client:{shop.id}/handover") == "completed", programs[name].said()
