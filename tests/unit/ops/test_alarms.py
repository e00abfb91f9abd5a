"""Alarms and dashboards ask for metrics there are, and every alarm says what to do."""

import json
import re
import runpy
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from typer.main import get_command

from services.ops.cli import app
from services.ops.metrics_page import WHERE, metrics, page
from tests.support.source import ROOT

DEPLOY = ROOT / "deploy"
RUNBOOK = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
PROMETHEUS_OWN = {"up", "ALERTS"}
SEVERITIES = {"page", "ticket"}


def rules() -> list[dict[str, Any]]:
    told = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text(encoding="utf-8"))
    return [rule for group in told["groups"] for rule in group["rules"]]


def panels() -> Iterator[tuple[str, str]]:
    for file in sorted((DEPLOY / "grafana" / "dashboards").glob("*.json")):
        for panel in json.loads(file.read_text(encoding="utf-8"))["panels"]:
            for target in panel["targets"]:
                yield f"{file.stem}: {panel['title']}", target["expr"]


EXPRESSIONS = [(rule["alert"], rule["expr"]) for rule in rules()] + list(panels())


def asked(expression: str) -> dict[str, set[str]]:
    """The series an expression names, each with the labels it selects by."""
    found: dict[str, set[str]] = {}
    for name, selector in re.findall(r"\b(rightsbus_\w+|up|ALERTS)\b(\{[^}]*\})?", expression):
        found.setdefault(name, set()).update(re.findall(r"(\w+)\s*=", selector))
    return found


@pytest.mark.parametrize(("name", "expression"), EXPRESSIONS, ids=[name for name, _ in EXPRESSIONS])
def test_every_expression_asks_for_metrics_and_labels_there_are(name: str, expression: str) -> None:
    known = {series: set(metric.labels) for metric in metrics() for series in metric.series}
    series = asked(expression)

    assert series, "asks for nothing"
    assert series.keys() <= known.keys() | PROMETHEUS_OWN
    for one, labels in series.items():
        assert labels <= known.get(one, labels)
    grouped = {label for by in re.findall(r"by \(([^)]*)\)", expression) for label in re.split(r",\s*", by)}
    assert grouped <= {"le", *(label for one in series for label in known.get(one, ()))}


def test_every_alarm_has_a_runbook_entry_and_every_entry_its_alarm() -> None:
    alarms = {rule["alert"] for rule in rules()}
    section = RUNBOOK.split("## When an alarm fires")[1]

    assert set(re.findall(r"^### (\w+)$", section, re.MULTILINE)) == alarms
    for rule in rules():
        assert rule["annotations"]["runbook"] == f"docs/operating.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in SEVERITIES


def test_every_alarm_is_tried_firing_and_silent() -> None:
    told = yaml.safe_load((DEPLOY / "prometheus" / "rules_test.yml").read_text(encoding="utf-8"))
    tried: dict[str, list[bool]] = {}
    for case in told["tests"]:
        for test in case["alert_rule_test"]:
            tried.setdefault(test["alertname"], []).append(bool(test["exp_alerts"]))

    assert tried == {rule["alert"]: [False, True] for rule in rules()}


def test_every_command_a_runbook_names_is_there() -> None:
    root: Any = get_command(app)
    named = set(re.findall(r"rightsbus ((?:[a-z][a-z-]* ?)+)", RUNBOOK))
    for words in sorted(named):
        command = root
        for word in words.split():
            if not getattr(command, "commands", None):
                break
            assert word in command.commands, words
            command = command.commands[word]


def test_the_page_of_metrics_is_fresh() -> None:
    assert WHERE.read_text(encoding="utf-8") == page(), "run: python -m services.ops.metrics_page"


def test_the_dashboards_are_fresh() -> None:
    made = runpy.run_path(str(DEPLOY / "grafana" / "build"))["made"]()

    assert len(made) == 4
    stale = [file.name for file, text in made.items() if file.read_text(encoding="utf-8") != text]
    assert stale == [], "run: deploy/grafana/build"


def test_metrics_are_named_by_prometheus_conventions() -> None:
    names = [metric.name for metric in metrics()]

    assert len(set(names)) == len(names)
    for metric in metrics():
        assert re.fullmatch(r"rightsbus_[a-z]+(_[a-z]+)*", metric.name)
        assert metric.cause
        assert not metric.name.endswith("_total")
        if metric.kind == "histogram":
            assert metric.unit != "number"


def test_no_label_can_name_a_person() -> None:
    labels = {label for metric in metrics() for label in metric.labels}

    assert labels <= {
        "stage", "topic", "reason", "kind", "what", "brand", "law", "right", "ending", "result", "how", "source",
        "letter", "verb", "applied", "client", "type", "genuine", "system", "outcome", "party", "waiting", "service",
        "group", "percent",
    }  # fmt: skip
