"""`python -m services.ops.metrics_page` writes `docs/metrics.md`: every metric, its unit, its labels and its cause."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry

from services.kernel.metrics import StageMetrics
from services.ops.register.gauges import FACTS, LAG, LAG_MESSAGES, LAG_SECONDS, UP
from services.ops.register.meters import Meters

WHERE: Final = Path(__file__).parents[2] / "docs" / "metrics.md"
_HEAD: Final = """\
# Metrics

Made by `python -m services.ops.metrics_page`; do not edit.

Every process answers Prometheus on its own port; `rightsbus up --json` names the addresses. Labels name brands, laws,
systems, clients and codes, never a person. What `ops` exports of requests is asked from the register: open requests and
the last 30 days.
"""
_UNITS: Final = frozenset({"seconds", "messages", "rows", "records", "entries"})
_SUFFIXES: Final = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as the page and the tests of rules and dashboards need it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    cause: str
    of: str

    @property
    def unit(self) -> str:
        """Its unit, as its name says it."""
        if self.name.endswith("_timestamp_seconds"):
            return "Unix time"
        word = self.name.rpartition("_")[2]
        return word if word in _UNITS else "number"

    @property
    def series(self) -> tuple[str, ...]:
        """The names under which Prometheus knows it."""
        return tuple(self.name + suffix for suffix in _SUFFIXES[self.kind])


def metrics() -> list[Metric]:
    """Every metric of every process, by process and name."""
    stages = _registered(StageMetrics().registry, "every service")
    asked = [Metric(fact.name, "gauge", fact.labels, fact.cause, "ops") for fact in FACTS]
    lags = [Metric(name, "gauge", LAG, cause, "ops") for name, cause in (LAG_MESSAGES, LAG_SECONDS)]
    sees = Metric(UP[0], "gauge", ("what",), UP[1], "ops")
    return sorted([*stages, *_registered(Meters().registry, "ops"), *asked, *lags, sees], key=lambda m: (m.of, m.name))


def _registered(registry: CollectorRegistry, of: str) -> Iterator[Metric]:
    for collector in registry._collector_to_names:  # noqa: SLF001  the registry has no other list
        [family] = collector.describe()  # type: ignore[attr-defined]  # ours all have it
        labels = tuple(getattr(collector, "_labelnames", ()))
        yield Metric(family.name, family.type, labels, family.documentation, of)


def page() -> str:
    """The whole page."""
    lines = [_HEAD]
    for of in ("every service", "ops"):
        lines += [f"## {of[0].upper()}{of[1:]}", "", "| metric | kind | unit | labels | what makes it move |"]
        lines.append("|---|---|---|---|---|")
        lines += [_row(metric) for metric in metrics() if metric.of == of]
        lines.append("")
    return "\n".join(lines)


def _row(metric: Metric) -> str:
    name = metric.name + ("_total" if metric.kind == "counter" else "")
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{name}` | {metric.kind} | {metric.unit} | {labels} | {metric.cause} |"


if __name__ == "__main__":
    WHERE.write_text(page(), "utf-8")
