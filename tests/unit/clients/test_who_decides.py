"""Who answers which right about whose data: one test per cell, from the submission to tasks and hand-overs."""

from typing import Any

import pytest

from rules import parts
from schemas.events import ClientRequest, HandedOver, PartWaiting, RequestAccepted, RequestSettled, TaskAssigned
from schemas.public import RequestStatusChanged, Subject
from schemas.values import Outcome, Party, Population, Right
from services.fulfiller.decide.clients import MOST_CLIENTS
from tests.support.invariants import check_end, events
from tests.support.scenes import ADA, HOME, asks, own, proving
from tests.support.world import Person, Setting, World

VERIFIED = (
    Right.KNOW_CATEGORIES, Right.KNOW_SPECIFIC, Right.PORTABILITY, Right.DELETE, Right.CORRECT, Right.THIRD_PARTY_LIST,
)  # fmt: skip
PREFERENCES = (
    Right.OPT_OUT_SALE_SHARE, Right.OPT_OUT_TARGETED_ADS, Right.OPT_OUT_PROFILING, Right.OPT_OUT_MARKETING,
    Right.LIMIT_SENSITIVE, Right.WITHDRAW_CONSENT,
)  # fmt: skip
ANSWERED = (Right.APPEAL, Right.COMPLAINT, Right.INQUIRY)
OUR_OWN = (*ANSWERED, Right.SHINE_THE_LIGHT, Right.DEACTIVATE, Right.OPT_IN_SALE)
"""What concerns nobody's records but the company's."""
TRACK = "TRACK-acorn-1"
PARCEL = {"tracking_numbers": [TRACK]}


def acorns(number: int = 1, client: str = "acorn") -> Person:
    """Ada as a recipient of this client's parcel."""
    says = Subject(**ADA, tracking_numbers=[f"TRACK-{client}-{number}"])
    return Person(f"00000000-0000-8000-8000-00000000b{number:03}", says, Population.RECIPIENT, client)


def world_of(right: Right, *people: Person, subject: dict[str, Any] | None = None, **more: Any) -> World:
    """What becomes of Ada's request where these records are held."""
    world = World(Setting(people, on_letter={"proof/1": proving(account_number="AC-4711")}))
    fields: dict[str, Any] = {"corrections": [{"field": "name", "new": "Ada Q."}]} if right is Right.CORRECT else {}
    declared = {"signed_name": "Ada Quill", "signed_at": "2026-03-01T12:00:00Z", "text_version": "2026-01"}
    world.submit(asks("s", right, subject=ADA | (subject or {}), declaration=declared, **fields, **more))
    world.run_out(iter(()))
    check_end(world)
    return world


def asked_systems(world: World) -> bool:
    return any(task.client is None and task.part.startswith("own/") for task in events(world, TaskAssigned))


def asked_clients(world: World) -> list[str]:
    return sorted({request.client for request in events(world, ClientRequest)})


def granted(world: World) -> bool:
    return all(accepted.granted for accepted in events(world, RequestAccepted))


@pytest.mark.parametrize("right", VERIFIED)
def test_own_data_is_verified_and_then_the_systems_are_asked(right: Right) -> None:
    world = world_of(right, own(), subject={"account_number": "AC-4711"})

    [accepted] = events(world, RequestAccepted)
    assert parts.VERIFICATION in accepted.parts or not accepted.granted
    assert asked_systems(world) == accepted.granted
    assert asked_clients(world) == []


@pytest.mark.parametrize("right", VERIFIED)
def test_a_recipients_records_are_handed_over_without_verification_parcel_named_or_not(right: Right) -> None:
    for subject in ({}, PARCEL):
        world = world_of(right, acorns(), subject=subject)

        assert asked_clients(world) == ["acorn"]
        assert not asked_systems(world)


@pytest.mark.parametrize("right", PREFERENCES)
def test_a_preference_about_own_data_is_applied_at_once_also_without_a_record(right: Right) -> None:
    for people in ((own(),), ()):
        world = world_of(right, *people)

        [accepted] = events(world, RequestAccepted)
        assert (accepted.verify, parts.VERIFICATION in accepted.parts) == (False, False)
        assert asked_systems(world) == accepted.granted


@pytest.mark.parametrize("right", PREFERENCES)
def test_a_preference_concerns_a_merchant_only_if_its_parcel_is_named(right: Right) -> None:
    assert asked_clients(world_of(right, acorns())) == []
    assert asked_clients(world_of(right, acorns(), acorns(2, "birch"), subject=PARCEL)) == ["acorn"]


def test_every_right_has_its_row() -> None:
    rows = {*VERIFIED, *PREFERENCES, *OUR_OWN, Right.MINOR_REPORT}

    assert set(Right) - rows == {Right.UNCLASSIFIED, Right.SERVICE_PROVIDER_LIST}, (
        "what is not a right yet, and what only a client's own staff asks for, concern no recipient"
    )


@pytest.mark.parametrize("right", OUR_OWN)
def test_what_the_company_must_answer_itself_is_handed_to_no_merchant(right: Right) -> None:
    for subject in ({}, PARCEL):
        assert asked_clients(world_of(right, acorns(), own(), subject=subject)) == []


@pytest.mark.parametrize("right", ANSWERED)
def test_an_appeal_a_complaint_and_an_inquiry_wait_for_a_person_of_the_company(right: Right) -> None:
    world = world_of(right, own())

    waits = {wait.part: wait.party for wait in events(world, PartWaiting)}
    assert waits[parts.ANSWER] is Party.OPERATOR
    assert not asked_systems(world)


def test_a_report_about_a_child_waits_for_an_operator_and_goes_to_the_merchant() -> None:
    world = world_of(Right.MINOR_REPORT, acorns())

    assert {wait.party for wait in events(world, PartWaiting) if wait.part == parts.ANSWER} == {Party.OPERATOR}
    assert asked_clients(world) == ["acorn"]


def test_who_is_in_both_populations_is_served_in_both() -> None:
    world = world_of(Right.DELETE, own(), acorns(), subject={"account_number": "AC-4711"})

    assert (asked_systems(world), asked_clients(world)) == (True, ["acorn"])


def test_a_person_known_through_several_merchants_has_one_hand_over_for_each() -> None:
    world = world_of(Right.DELETE, *(acorns(n, client) for n, client in enumerate(("acorn", "birch", "cedar"), 1)))

    assert asked_clients(world) == ["acorn", "birch", "cedar"]
    assert len({(h.request_id, h.client) for h in events(world, HandedOver)}) == 3


@pytest.mark.parametrize(("subject", "located"), [
    ({"name": "Ada Quill"}, False),
    ({"emails": ADA["emails"]}, False),
    ({"tracking_numbers": [TRACK]}, False),
    ({"name": "Somebody Else", "tracking_numbers": [TRACK]}, False),
    ({"name": "Ada Quill", "tracking_numbers": [TRACK]}, True),
    ({"emails": ADA["emails"], "phones": ADA["phones"]}, True),
    ({"name": "Ada Quill", "emails": ADA["emails"]}, True),
])  # fmt: skip
def test_two_independent_points_or_a_parcel_with_a_name_locate_a_record_and_nothing_less(
    subject: dict[str, Any], located: bool
) -> None:
    world = World(Setting([acorns()]))
    world.submit({"submission_id": "s", "brand": "parcelwise", "rights": ["delete"], "subject": subject,
                  "residence": HOME})  # fmt: skip
    world.run_out(iter(()))

    assert asked_clients(world) == (["acorn"] if located else [])


@pytest.mark.parametrize("count", [MOST_CLIENTS, MOST_CLIENTS + 1])
def test_more_than_twenty_merchants_for_one_person_wait_for_an_operator(count: int) -> None:
    people = [acorns(number, f"client-{number}") for number in range(1, count + 1)]
    world = World(Setting(people))
    world.submit(asks("s", Right.DELETE))
    world.drain(iter(()))

    waits = [wait for wait in events(world, PartWaiting) if wait.party is Party.OPERATOR]
    assert len(asked_clients(world)) == (count if count <= MOST_CLIENTS else 0)
    assert len(waits) == (0 if count <= MOST_CLIENTS else count)


def test_who_named_no_parcel_hears_the_same_with_and_without_a_merchants_record() -> None:
    def heard(*people: Person) -> list[Any]:
        world = world_of(Right.DELETE, *people)
        statuses = [(s.status, s.reason, s.occurred_at) for s in events(world, RequestStatusChanged)]
        settled = [(e.ending, sorted(e.parts)) for e in events(world, RequestSettled)]
        letters = sorted(
            (name.partition("/")[2], at, effect.body["to"]) for name, (at, effect) in world.letters.items()
        )
        return [statuses, settled, letters]

    assert heard(acorns()) == heard()


def test_who_named_a_parcel_hears_of_its_sender_and_of_no_other_merchant() -> None:
    world = world_of(Right.DELETE, acorns(), acorns(2, "birch"), subject=PARCEL)

    assert {h.client for h in events(world, HandedOver) if h.parcel_named} == {"acorn"}
    [settled] = events(world, RequestSettled)
    assert {parts.client_of(name) for name in settled.parts} == {None, "acorn"}
    assert all("birch" not in str(effect.body) for _, effect in world.letters.values())


def test_a_merchant_that_says_the_person_is_not_its_own_ends_its_own_part_and_no_other_merchant_hears_of_it() -> None:
    answers = {"acorn": ["not_ours"], "birch": ["completed"]}
    world = World(Setting([acorns(), acorns(2, "birch")], on_request=answers))
    world.submit(asks("s", Right.DELETE))
    world.run_out(iter(()))

    [state] = [world.fulfilment(request) for request in world.states["fulfiller"]]
    assert state.outcome(parts.handover("acorn")) is Outcome.NOT_OURS
    assert state.outcome(parts.handover("birch")) is Outcome.COMPLETED
    assert [m.type for topic, log in world.logs.items() if "birch" in topic[0] for m in log] == ["request"]
