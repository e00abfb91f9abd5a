"""A real Prometheus beside a running system, in a hurry: the product's own rules, their waits cut to moments."""

import json
import re
import runpy
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.support.source import ROOT

DEPLOY = ROOT / "deploy"
SHIPPED: Any = runpy.run_path(str(DEPLOY / "prometheus" / "check-panels"))
WINDOW = "10s"
SOONER = {"LagOld": ("> 120", "> 1"), "EffectsFail": ("> 20", "> 1"), "DependencyAway": ("> 10", "> 4"),
          "HistoryUnsigned": ("26 * 3600", "12")}  # fmt: skip
"""Thresholds no test can wait for, and what stands for each."""


def rules() -> dict[str, Any]:
    """The rules as they are shipped."""
    told: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text("utf-8"))
    return told


def alarms() -> list[str]:
    """Every alarm's name."""
    return [rule["alert"] for group in rules()["groups"] for rule in group["rules"]]


def hurried() -> dict[str, Any]:
    """The same rules without `for`, every window a few seconds long, and some thresholds nearer."""
    told = rules()
    for rule in (rule for group in told["groups"] for rule in group["rules"]):
        rule.pop("for", None)
        before, after = SOONER.get(rule["alert"], ("", ""))
        assert before in rule["expr"]
        rule["expr"] = re.sub(
            r"\[\d+[mh]\]", f"[{WINDOW}]", rule["expr"].replace(before, after) if before else rule["expr"]
        )
    return told


class Prometheus:
    """Asks a running server."""

    def __init__(self, port: int) -> None:
        self._port = port

    def firing(self) -> list[Mapping[str, str]]:
        """The labels of what fires now."""
        alerts = SHIPPED["ask"](self._port, "alerts")["alerts"]
        return [alert["labels"] for alert in alerts if alert["state"] == "firing"]

    def fired(self) -> list[Mapping[str, str]]:
        """The labels of what fires now, or did before."""
        return [one["metric"] for one in self.value('last_over_time(ALERTS{alertstate="firing"}[15m])')]

    def value(self, query: str) -> list[Any]:
        """What a query gives."""
        found: list[Any] = SHIPPED["ask"](self._port, "query", query=query)["result"]
        return found


@contextmanager
def prometheus(data: Path, folder: Path, others: Mapping[str, int]) -> Iterator[Prometheus]:
    """Run a server that scrapes the system in `data` and further targets, each a name and a port."""
    config = SHIPPED["configuration"](data)
    config["global"] = {"scrape_interval": "1s", "scrape_timeout": "900ms", "evaluation_interval": "500ms"}
    config["rule_files"] = [str(folder / "rules.yml")]
    config["scrape_configs"][0]["static_configs"] += [
        {"targets": [f"127.0.0.1:{port}"], "labels": {"process": name}} for name, port in others.items()
    ]
    (folder / "rules.yml").write_text(yaml.safe_dump(hurried()), "utf-8")
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), "utf-8")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    argv = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb",
            f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]  # fmt: skip
    with subprocess.Popen(argv) as server:
        try:
            server_answers(port)
            yield Prometheus(port)
        finally:
            server.terminate()


def server_answers(port: int, within_s: float = 20) -> None:
    """Wait until the server takes questions."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            SHIPPED["ask"](port, "alerts")
        except OSError:
            assert time.monotonic() < deadline, "Prometheus does not answer"
            time.sleep(0.1)
        else:
            return


def panels() -> Iterator[tuple[str, str]]:
    """Every dashboard panel's name and query."""
    for file in sorted((DEPLOY / "grafana" / "dashboards").glob("*.json")):
        for panel in json.loads(file.read_text("utf-8"))["panels"]:
            for target in panel["targets"]:
                yield f"{file.stem}: {panel['title']}", target["expr"]
