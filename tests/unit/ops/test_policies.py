from datetime import UTC, date, datetime
from typing import Any

from rules.brands import Brand, Operator, PolicyVersion
from schemas.audit import PolicyChanged
from services.ops.policies import unannounced
from tests.support.policies import handbook

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
FIRST = PolicyVersion(version="1", effective_from=date(2020, 1, 1), material=True)
SECOND = PolicyVersion(version="2", effective_from=date(2026, 7, 1), material=True, reconsent=True)
LATER = PolicyVersion(version="3", effective_from=date(2027, 1, 1))
OPERATORS = [Operator(name="First Ltd", effective_from=date(2020, 1, 1)),
             Operator(name="Buyer Inc", effective_from=date(2026, 6, 1))]  # fmt: skip


def a_brand(*versions: PolicyVersion, **more: Any) -> Brand:
    fields = {"versions": list(versions), "operators": OPERATORS, "timezone": "America/Los_Angeles", **more}
    return handbook().brands["firstmile"].model_copy(update=fields)


def told(events: list[PolicyChanged]) -> set[tuple[str, str]]:
    return {(event.brand, event.version) for event in events}


def test_a_version_is_announced_on_its_day_with_what_it_asks_of_people() -> None:
    [first, second] = unannounced([a_brand(FIRST, SECOND, LATER)], (), NOW)

    assert (first.version, first.material, first.reconsent) == ("1", True, False)
    assert (second.version, second.material, second.reconsent) == ("2", True, True)
    assert (first.operator, second.operator) == ("First Ltd", "Buyer Inc")


def test_what_was_announced_is_not_announced_again() -> None:
    brand = a_brand(FIRST, SECOND)

    assert unannounced([brand], told(unannounced([brand], (), NOW)), NOW) == []


def test_a_day_begins_where_the_brand_is_at_home() -> None:
    early = datetime(2026, 7, 1, 3, tzinfo=UTC)

    assert told(unannounced([a_brand(FIRST, SECOND)], (), early)) == {("firstmile", "1")}


def test_the_same_version_has_the_same_id_whoever_announces_it() -> None:
    first, again = (unannounced([a_brand(FIRST)], (), at) for at in (NOW, NOW.replace(year=2027)))

    assert [event.event_id for event in first] == [event.event_id for event in again]


def test_every_brands_versions_are_its_own() -> None:
    other = a_brand(FIRST, id="shipdesk")

    assert told(unannounced([a_brand(FIRST), other], {("firstmile", "1")}, NOW)) == {("shipdesk", "1")}
