"""Every pinned deadline through the running intake: submitted as a resident asks, compared with what was published.

What lies too far back, or ahead of today, is refused with the rule; its dates are counted in
`tests/unit/intake/test_terms.py`, by the same decision.
"""

import json
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from bench.system import System
from schemas import wire
from schemas.events import RequestAccepted
from schemas.public import RequestStatusChanged
from services.ops.kafka import Follower, Publisher
from tests.support.policies import handbook
from tests.support.source import ROOT

pytestmark = pytest.mark.integration

FILE = ROOT / "tests" / "unit" / "rules" / "data" / "deadlines.json"
VECTORS: list[dict[str, Any]] = json.loads(Path(FILE).read_text("utf-8"))
DATES = ("receipt_date", "acknowledge_by", "respond_by", "extended_respond_by")
SOURCE, RUN, WITHIN_S = "webform", uuid4().hex[:8], 60.0
FUTURE, OLD = "must not lie in the future", "must not be older than 366 days"
NOW = datetime.now(UTC)


def name_of(vector: dict[str, Any]) -> str:
    return f"vector-{RUN}-{vector['id']}"


def refused(vector: dict[str, Any]) -> str | None:
    """The rule by which intake cannot take a vector's moment today."""
    received = datetime.fromisoformat(vector["received_at"])
    return FUTURE if received > NOW else OLD if received < NOW - timedelta(days=366) else None


def submission(vector: dict[str, Any]) -> bytes:
    law = handbook().laws[vector["law"]]
    country = "FR" if law.country == "EU" else law.country
    home = {"country": country, "region": law.region or ("ON" if country == "CA" else None)}
    body = {
        "submission_id": name_of(vector), "source": SOURCE, "brand": "shipdesk", "rights": [vector["right"]],
        "received_at": vector["received_at"], "residence": home, "context": "individual_household",
        "subject": {"emails": [f"{name_of(vector)}@example.net".lower()]},
    }  # fmt: skip
    return json.dumps(body).encode()


@pytest.fixture(scope="module")
def published(system: System) -> dict[str, RequestAccepted | RequestStatusChanged]:
    """What intake said to each, sent in one burst."""
    found: dict[str, RequestAccepted | RequestStatusChanged] = {}
    deadline = time.monotonic() + WITHIN_S
    topics = ["privacy.accepted", f"privacy.status.{SOURCE}"]
    with (
        closing(Follower(system.found.access("ops"), topics, at_end=True)) as follower,
        closing(Publisher(system.found.access())) as publisher,
    ):
        publisher.send_all([("privacy.requests", name_of(one).encode(), submission(one), []) for one in VECTORS])
        while len(found) < len(VECTORS) and time.monotonic() < deadline:
            for event in map(wire.decode, follower.poll(200)):
                if isinstance(event, RequestAccepted | RequestStatusChanged):
                    found.setdefault(str(event.submission_id), event)
    return found


@pytest.mark.parametrize("vector", VECTORS, ids=lambda one: f"{one['id']} {one['law']} {one['right']}")
def test_intake_publishes_the_dates_of_every_vector_or_says_why_its_moment_cannot_be(
    published: dict[str, RequestAccepted | RequestStatusChanged], vector: dict[str, Any]
) -> None:
    told, rule = published.get(name_of(vector)), refused(vector)

    if rule:
        assert isinstance(told, RequestStatusChanged)
        assert [(problem.field, problem.rule) for problem in told.problems] == [("received_at", rule)]
        return
    assert isinstance(told, RequestAccepted)
    days = {name: getattr(told.clock, name) for name in DATES}
    assert {name: day and day.isoformat() for name, day in days.items()} == {name: vector[name] for name in DATES}
    assert (told.law, told.clock.timezone) == (vector["law"], vector["timezone"])
