"""`rightsbus clients` on the running system, as an operator types it."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey
from typer.testing import CliRunner

from bench.system import System
from services.clients.registry import Client
from services.ops import clients
from services.ops.cli import app
from tests.support.shop import Desk, Shop, open_shop

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("tidy")]
STARTS_WITHIN_S = 120
"""A program of its own imports everything first: on a busy machine that alone may take half a minute."""


@pytest.fixture(scope="module")
def says(system: System) -> Any:
    """Run a command; gives its exit code and what it printed."""

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["clients", *words, "--data", str(system.found.endpoints.data_dir)])
        failed = done.exception is not None and not isinstance(done.exception, SystemExit)
        return done.exit_code, str(done.exception) if failed else done.output

    return run


def listed(says: Any, client: str) -> dict[str, Any] | None:
    code, text = says("list", "--json")
    assert code == 0
    return next((row for row in json.loads(text) if row["client"] == client), None)


def test_a_client_lives_from_add_to_remove(says: Any, tmp_path: Path) -> None:
    key = tmp_path / "poplar.jwk.json"
    key.write_text(json.dumps(ECKey.generate_key("P-256").as_dict(private=False)))
    about = ("--name", "Poplar & Co", "--contact", "privacy@poplar.example", "--mode", "act_for_me", "--jwk", str(key))
    code, text = says("add", "poplar", *about, "--json")
    [given] = json.loads(text)

    assert code == 0
    assert (given["new"], given["topic"], given["group_prefix"]) == (True, "privacy.clients.poplar.requests", "poplar.")
    assert len(given["password"]) >= 20
    row = listed(says, "poplar")
    assert row is not None
    assert (row["mode"], row["keys"], row["enabled"], row["open"]) == ("act_for_me", "enc+sig", True, 0)

    code, text = says("add", "poplar", "--mode", "forward")
    assert "its login is unchanged" in text
    assert given["password"] not in text
    code, text = says("rotate", "poplar", "--json")
    assert json.loads(text)[0]["password"] not in {None, given["password"]}
    assert says("disable", "poplar") == (0, "poplar is disabled\n")
    assert says("rotate", "poplar")[0] == 1
    code, text = says("add", "poplar", "--json")
    assert json.loads(text)[0]["password"]
    assert says("remove", "poplar") == (0, "poplar is removed\n")
    assert listed(says, "poplar") is None
    assert says("remove", "poplar")[0] == 1


def test_a_seed_adds_who_is_missing_and_leaves_the_others(says: Any, tmp_path: Path) -> None:
    seed = tmp_path / "clients.yaml"
    seed.write_text(
        "clients:\n"
        "  yew: {name: Yew & Co, contact: privacy@yew.example, mode: refer_only}\n"
        "  yarrow: {name: Yarrow, contact: privacy@yarrow.example, transport: webhook, url: https://yarrow.example/in}\n"
    )
    code, text = says("add", "--seed", str(seed), "--json")
    rows = {row["id"]: row for row in json.loads(text)}

    assert code == 0
    assert (bool(rows["yew"]["password"]), bool(rows["yarrow"]["webhook_secret"])) == (True, True)
    assert "topic" not in rows["yarrow"]
    says("add", "yew", "--mode", "forward")
    assert says("add", "--seed", str(seed)) == (0, "all of them are registered\n")
    row = listed(says, "yew")
    assert row is not None
    assert row["mode"] == "forward"


@pytest.mark.parametrize(("text", "rule"), [
    ("clients:\n  yew.dot: {name: Y, contact: a@y.example}\n", "clients.yaml:2"),
    ("clients:\n  yew: {name: Y, contact: nobody}\n", "contact"),
    ("clients:\n  yew: {name: Y, contact: a@y.example, jwk: gone.json}\n", "there is no key file"),
    ("clients: {}\n", "clients"),
    ("clients:\n  yew: {name: Y, contact: a@y.example, colour: red}\n", "there is no such key"),
])  # fmt: skip
def test_a_wrong_seed_is_told_with_its_line_and_nobody_is_added(
    says: Any, tmp_path: Path, text: str, rule: str
) -> None:
    seed = tmp_path / "clients.yaml"
    seed.write_text(text)
    code, said = says("add", "--seed", str(seed))

    assert code == 1
    assert rule in said


@pytest.mark.parametrize("words", [
    ("add",), ("add", "zelkova"), ("add", "zelkova", "--name", "Z"), ("add", "a", "--seed", "b"),
    ("add", "zelkova", "--name", "Z", "--contact", "nobody"), ("reply", "zelkova", "completed"),
])  # fmt: skip
def test_a_wrong_call_is_two(says: Any, words: tuple[str, ...]) -> None:
    assert says(*words)[0] == 2


def test_an_operator_enters_what_a_merchant_said_on_the_telephone(says: Any, desk: Desk) -> None:
    zinnia = open_shop(desk.system, "zinnia")
    inbox = zinnia.messages()
    request = desk.asks(zinnia.ships_to("Zara Zimmer"), "opt_out_sale_share")
    inbox.until("request")
    inbox.close()

    assert says("reply", zinnia.id, "completed", "5b3f2a10-9c7e-8d21-a4b0-000000000002")[0] == 1
    handover = zinnia.calls(request)
    assert says("reply", zinnia.id, "refused", handover)[0] == 2
    assert says("reply", zinnia.id, "refused", handover, "--reason", "not_a_customer") == (0, "1 entered\n")
    assert desk.end(request)[f"client:{zinnia.id}/handover"] == "refused"


def test_our_public_key_is_printed_and_its_private_half_is_not(says: Any) -> None:
    key = json.loads(says("key")[1])

    assert (key["crv"], "d" in key) == ("P-256", False)


def test_a_simulated_merchant_answers_until_it_is_interrupted(desk: Desk) -> None:
    name = "walnut"
    [given] = clients.add(desk.system.found, [Client(name, "Walnut", "privacy@walnut.example")])
    program = str(Path(sys.executable).with_name("rightsbus"))
    argv = [program, "clients", "simulate", name, "--data", str(desk.system.found.endpoints.data_dir)]
    env = {**os.environ, "RIGHTSBUS_CLIENT_PASSWORD": given.password or ""}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env) as merchant:
        said: list[str] = []
        reading = threading.Thread(target=lambda: said.extend(merchant.stdout or ()))
        reading.start()
        try:
            shop = Shop(desk.system, name, "")
            request = desk.asks(shop.ships_to("Wanda Wall"), "opt_out_sale_share")
            desk.until(lambda _: said or merchant.poll() is not None, within_s=STARTS_WITHIN_S)
            ends = desk.end(request, within_s=STARTS_WITHIN_S)
        finally:
            merchant.send_signal(signal.SIGINT)
            code = merchant.wait(STARTS_WITHIN_S)
            reading.join(STARTS_WITHIN_S)

    assert ends[f"client:{name}/handover"] == "completed", said
    assert code == 0
    assert any(shop.calls(request) in line and "replied" in line for line in said)
