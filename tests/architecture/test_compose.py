"""docker-compose.yml says what its schema allows, and opens no door the embedded stack keeps shut."""

import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

from stack.broker import new_identity
from stack.kafka_config import properties
from stack.logins import SERVICES
from stack.workers import program
from tests.support.source import ROOT

FILE = ROOT / "docker-compose.yml"
ONE_SHOT = {"provision"}
OURS_ALONE = {
    "listeners",
    "advertised.listeners",
    "listener.security.protocol.map",
    "controller.quorum.voters",
    "log.dirs",
}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


def as_properties(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if line)


def test_it_fits_the_compose_schema() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_service_of_ours_runs_and_everything_that_stays_has_a_health_check(
    compose: dict[str, Any],
) -> None:
    beside = {"kafka", "postgres", "mailpit", "prometheus", "grafana", "door"}
    assert {*beside, *ONE_SHOT, *SERVICES} == set(compose["services"])
    for name, service in compose["services"].items():
        assert ("healthcheck" in service) == (name not in ONE_SHOT), name


def test_services_wait_for_provisioning_and_it_waits_for_the_servers(compose: dict[str, Any]) -> None:
    for name in SERVICES:
        waits = compose["services"][name]["depends_on"]
        assert waits == {"provision": {"condition": "service_completed_successfully"}}
    provision = compose["services"]["provision"]["depends_on"]
    assert {name: wait["condition"] for name, wait in provision.items()} == dict.fromkeys(
        ("kafka", "postgres", "mailpit"), "service_healthy"
    )


def test_each_service_has_a_login_of_its_own_and_none_the_admins(compose: dict[str, Any]) -> None:
    for name in SERVICES:
        environment = compose["services"][name]["environment"]
        assert environment["KAFKA_USERNAME"] == name
        assert environment["KAFKA_PASSWORD"].startswith("${" + name.upper() + "_PASSWORD:?")
        assert "ADMIN" not in str(environment)


def test_no_password_is_written_down_and_every_one_is_drawn(compose: dict[str, Any]) -> None:
    text = FILE.read_text(encoding="utf-8")
    asked = set(re.findall(r"\$\{(\w+)", text))
    drawn = (ROOT / "deploy" / "new-env").read_text(encoding="utf-8")

    assert re.findall(r"(?i)password[=:] *[\"']?(?![\"'$\]])\w", text.replace("_PASSWORD:?run", "")) == []
    for name in asked - {"KAFKA_CLUSTER_ID"}:
        assert name.removesuffix("_PASSWORD") in drawn


def test_its_kafka_is_as_closed_as_the_embedded_one(compose: dict[str, Any]) -> None:
    theirs = as_properties(compose["configs"]["kafka"]["content"])
    ours = as_properties(properties(new_identity(), ROOT))

    security = (
        "sasl.",
        "listener.name.",
        "authorizer.",
        "super.users",
        "allow.",
        "auto.",
        "inter.",
        "controller.l",
    )
    for name, value in ours.items():
        if name.startswith(security) and name not in OURS_ALONE and "plain.sasl.jaas" not in name:
            assert theirs[name] == value, name
    assert "PLAINTEXT://" not in theirs["listeners"]
    assert all(item.endswith(":SASL_PLAINTEXT") for item in theirs["listener.security.protocol.map"].split(","))


def test_doors_open_on_this_machine_only(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]

    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_door_where_packages_are_fetched_is_up_when_its_page_is_and_letters_lead_there(
    compose: dict[str, Any],
) -> None:
    door = compose["services"]["door"]
    [published] = door["ports"]
    _, port, inside = published.split(":")

    assert door["command"][:3] == ["rightsbus", "packages", "door"]
    assert f"http://127.0.0.1:{inside}/package" in str(door["healthcheck"]["test"])
    assert compose["x-environment"]["RIGHTSBUS_PACKAGE_DOOR_URL"] == f"http://localhost:{port}"
    assert "KAFKA_PASSWORD" not in door["environment"]
    assert door["volumes"] == ["keys:/keys:ro"]


def test_each_service_runs_the_program_the_embedded_system_runs(compose: dict[str, Any]) -> None:
    for name in SERVICES:
        assert compose["services"][name]["command"] == ["python", "-m", program(name)]


def test_prometheus_asks_every_service_on_the_port_it_answers(compose: dict[str, Any]) -> None:
    told = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    [job] = told["scrape_configs"]
    port = compose["x-environment"]["RIGHTSBUS_METRICS_PORT"]

    asked = {config["labels"]["process"]: config["targets"] for config in job["static_configs"]}
    assert asked == {name: [f"{name}:{port}"] for name in SERVICES}
    assert compose["x-environment"]["RIGHTSBUS_METRICS_HOST"] == "0.0.0.0"  # noqa: S104  inside the network only


def test_the_image_is_not_run_as_root_and_installs_only_pinned_files() -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")

    assert text.count("\nFROM ") + text.startswith("FROM ") == 2
    assert "\nUSER rightsbus\n" in text
    assert "--require-hashes" in text
    assert "--no-deps --no-build-isolation" in text
