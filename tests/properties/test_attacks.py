"""What impostors are known to try: one test per technique, each played through all four decisions.

Sources: Pavur and Knerr 2019; Bufalieri et al. 2020; Di Martino et al. 2019; Cagnazzo et al. 2019; Boniface et al.
2019.
"""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from rules.compare import compare
from rules.matching import Candidate, Verdict, weigh
from rules.names import NameFit
from schemas.events import (
    AnswerRecorded,
    ClientRequest,
    ContactWarned,
    PartWaiting,
    RequestAccepted,
    RequestVerified,
    TaskAssigned,
)
from schemas.public import RequestStatusChanged, Subject
from schemas.values import AnswerKind, Letter, Party, PointKind, Population, Right, Status
from services.directory.held import contact_of, record_of
from services.directory.offered import offered
from services.directory.person import person_of
from services.kernel import tokens
from services.verifier.decide.weighing import CHOICE
from tests.support.compare import bare
from tests.support.directory import ADA as ON_FILE
from tests.support.invariants import check_end, events
from tests.support.scenes import (
    ACCESS,
    ACCOUNT,
    ADA,
    DECLARED,
    DELETE,
    FULL,
    SUBJECT,
    answering,
    asks,
    deciding,
    mine,
    own,
    play,
    proving,
    recipient,
    submitting,
    waiting,
)
from tests.support.world import KEY, Person, Setting, World, answer_token, handbook, request_of

TELLING = {Letter.CODE, Letter.NOTICE, Letter.CONFIRMATION_ASKED, Letter.CLOSED, Letter.AMENDED}
NEW_MAILBOX = {"name": "Ada Quill", "emails": ["ada.quill@example.net"], "phones": ADA["phones"]}
"""Ada's name and telephone, and a mailbox of the impostor's that looks like hers."""
HOME = {"line1": "12 Elm Street", "city": "Provo", "region": "UT", "postcode": "84601"}


def played(setting: Setting, *acts: Any) -> World:
    world = World(setting)
    play(*acts)(world, iter(()))
    return world


def outside(world: World) -> list[Any]:
    """All that whoever asked gets to see: statuses and letters, at their moments."""
    statuses = [(s.occurred_at, s.status, s.reason, s.waiting_for) for s in events(world, RequestStatusChanged)]
    given = [(name, at, bare(dict(e.body))) for name, (at, e) in world.letters.items() if e.body["to"] == "given"]
    return [sorted(statuses, key=repr), sorted(given, key=repr)]


def letters(world: World) -> set[tuple[Letter, str]]:
    return {(Letter(effect.body["letter"]), effect.body["to"]) for _, effect in world.letters.values()}


def nothing_done(world: World) -> bool:
    return not events(world, TaskAssigned)


def problems(world: World) -> list[str]:
    return [p.field for status in events(world, RequestStatusChanged) for p in status.problems]


@pytest.mark.parametrize("right", ["access", "know_categories", "delete"])
def test_a_look_alike_address_is_sent_nothing_that_was_found(right: str) -> None:
    body = asks("s", right, subject=NEW_MAILBOX | ACCOUNT, brand="shipdesk", declaration=DECLARED)
    world = played(mine(), submitting(**body))

    assert len(events(world, RequestVerified)) == 1
    assert {letter for letter, to in letters(world) if to == "given"} <= {Letter.ACKNOWLEDGEMENT, Letter.PROOF_NEEDED}
    assert {to for letter, to in letters(world) if letter in TELLING} == {"on_file"}


def test_who_says_they_lost_their_mailbox_gets_no_code_at_the_new_one() -> None:
    lost = {"name": "Ada Quill", "emails": ["new.mailbox@example.net"], "phones": ADA["phones"]}
    plea = {"message": "I lost access to my old mailbox, please use this one."}
    world = played(mine(), submitting(**asks("s", "access", subject=lost, declaration=DECLARED), **plea))

    assert (Letter.CODE, "on_file") in letters(world)
    assert (Letter.CODE, "given") not in letters(world)
    assert nothing_done(world)


def test_a_picture_of_a_passport_is_never_asked_for_and_proves_nothing() -> None:
    forged = {"message": "Here is my passport: L898902C3, Ada Quill, 12 AUG 1974."}
    world = played(mine(), submitting(**asks("s", "delete", subject={"name": "Ada Quill"}), **forged))

    assert not {PointKind.NATIONAL_ID, PointKind.DATE_OF_BIRTH} & set(CHOICE)
    assert nothing_done(world)


def test_a_contact_corrected_first_neither_proves_who_asks_next_nor_is_written_to() -> None:
    moved, asked = date(2026, 3, 1), date(2026, 3, 20)
    before = record_of(person_of(2, ON_FILE), None, date(2025, 1, 1))
    record = record_of(person_of(2, ON_FILE | {"email": "impostor@example.net"}), before, moved)
    offer = offered(Subject(name="Ada Lovelace", emails=["impostor@example.net"]))
    matched, name = compare([record], offer.wanted, offer.names)
    candidate = Candidate(SUBJECT, Population.ACCOUNT_HOLDER, None, matched, name)

    def judged(on: date) -> Verdict:
        return weigh([candidate], needed=2, right=Right.KNOW_CATEGORIES, on=on, policy=handbook().points).verdict

    assert (judged(asked), judged(moved + timedelta(days=30))) == (Verdict.NOT_ENOUGH, Verdict.VERIFIED)
    assert contact_of({"r": record}, "email", asked - timedelta(days=30)) == ON_FILE["email"].lower()


@pytest.mark.parametrize("mandate", [
    None, {"signed_at": "2026-01-01T00:00:00Z", "expires_at": "2026-02-01T00:00:00Z"},
    {"signed_at": "2026-01-01T00:00:00Z", "scope": ["know_categories"]},
], ids=["none", "expired", "for something else"])  # fmt: skip
def test_an_agent_nobody_sent_gets_nothing_done(mandate: dict[str, Any] | None) -> None:
    agent = {"name": "Quick Claims", "email": "claims@example.com", **({"mandate": mandate} if mandate else {})}
    home = {"residence": {"country": "US", "region": "CA"}}
    body = asks("s", "delete", subject=FULL) | home
    world = played(mine(), submitting(**body, role="agent", agent=agent))

    assert nothing_done(world)


def test_a_deadline_that_runs_out_believes_nobody() -> None:
    world = played(mine(), submitting(**asks("s", "delete", subject={"emails": ADA["emails"]})), waiting(days=90))

    assert nothing_done(world)
    assert events(world, RequestVerified) == []


def test_pieces_gathered_from_several_companies_meet_nowhere() -> None:
    known = Subject(name="Ada Quill", emails=ADA["emails"], order_numbers=["ORDER-7"])
    other = Subject(name="Ada Quill", phones=ADA["phones"], order_numbers=["ORDER-9"])
    people = [Person(SUBJECT, known, Population.RECIPIENT, "acorn"),
              Person(f"{SUBJECT[:-1]}b", other, Population.RECIPIENT, "birch-co")]  # fmt: skip
    world = played(Setting(people), submitting(**asks("s", "access", subject=ADA | {"order_numbers": ["ORDER-7"]})))

    told = {event.client: {point.kind for point in event.points} for event in events(world, ClientRequest)}
    assert told == {
        "acorn": {PointKind.NAME, PointKind.EMAIL, PointKind.ORDER_NUMBER},
        "birch-co": {PointKind.NAME, PointKind.PHONE},
    }
    assert "birch" not in repr(outside(world))


def test_points_of_two_persons_never_add_up_to_one() -> None:
    first, second = Subject(name="Ada Quill", emails=ADA["emails"]), Subject(name="Ada Quill", phones=ADA["phones"])
    two = Setting([Person(SUBJECT, first), Person(f"{SUBJECT[:-1]}b", second)])
    world = played(two, submitting(**asks("s", "access", declaration=DECLARED)))

    assert events(world, RequestVerified) == []


@pytest.mark.parametrize("right", ["delete", "access", "know_categories", "correct"])
def test_nothing_found_and_something_found_look_the_same_to_who_cannot_prove_it(right: str) -> None:
    guess = asks("s", right, subject={"name": "Ada Quill", "emails": ADA["emails"]}, declaration=DECLARED)
    wrong = {"proof/1": proving(phones=["+18015550188"]), "proof/2": proving(order_numbers=["ORDER-1"])}
    held = Person(SUBJECT, Subject(name="Basil Thorne", emails=ADA["emails"], **ACCOUNT))

    customer = played(Setting([held], on_letter=wrong), submitting(**guess))
    nobody = played(Setting(on_letter=wrong), submitting(**guess))

    assert outside(customer) == outside(nobody)


def test_who_is_located_and_not_proven_looks_the_same_too_and_an_operator_sees_them() -> None:
    guess = asks("s", "access", subject={"name": "Ada Quill", "phones": ADA["phones"]}, declaration=DECLARED)
    wrong = {"proof/1": proving(order_numbers=["ORDER-1"]), "proof/2": proving(order_numbers=["ORDER-2"])}

    customer = played(mine(on_letter=wrong), submitting(**guess))
    nobody = played(Setting(on_letter=wrong), submitting(**guess))

    assert outside(customer) == outside(nobody)
    assert [wait.part for wait in events(customer, PartWaiting) if wait.party is Party.OPERATOR] == ["own/review"]


def test_a_victims_account_is_not_deleted_by_who_knows_their_name_and_telephone() -> None:
    twice = asks("s", "delete", subject=NEW_MAILBOX, brand="shipdesk")
    silent = played(mine(), submitting(**twice))
    guessed = played(mine(), submitting(**twice), answering("s", DELETE, "confirmation", answer_token="0" * 32))
    refused = played(mine(), submitting(**twice), answering("s", DELETE, "not_me"))

    assert [nothing_done(world) for world in (silent, guessed, refused)] == [True] * 3
    assert "answer_token" in problems(guessed)
    assert {s.status for s in events(refused, RequestStatusChanged)} >= {Status.DENIED}


def test_a_victim_is_warned_before_anything_is_shown_and_can_stop_it() -> None:
    body = asks("s", "access", subject=NEW_MAILBOX | ACCOUNT, brand="shipdesk", declaration=DECLARED)
    stops = {"notice/1": lambda world, letter: not_me(letter.request_id)}
    world = played(mine(on_letter=stops, does={"accounts": []}), submitting(**body))

    assert len(events(world, ContactWarned)) == 1
    assert not [effect for _, effect in world.letters.values() if effect.body.get("package")]


def not_me(request_id: str) -> dict[str, Any]:
    return {"request_id": request_id, "kind": "not_me", "answer_token": answer_token(request_id, "not_me", 1)}


def test_a_housemate_with_the_same_address_and_telephone_is_somebody_else() -> None:
    shared = {"phones": ADA["phones"], "addresses": [HOME], **ACCOUNT}
    held = Person(SUBJECT, Subject(name="Ada Quill", **shared))
    world = played(Setting([held]), submitting(**asks("s", "delete", subject={"name": "Theo Quill", **shared})))

    assert nothing_done(world)


def test_a_number_is_not_found_by_trying_however_many_requests_try() -> None:
    """Each request guesses a number or two; after the limit even the right one proves nothing."""
    world = World(mine(throttled=True))
    for number in range(30):
        subject = {"name": "Ada Quill", "emails": [f"guesser-{number}@example.net"], "phones": ADA["phones"]}
        world.submit(asks(f"g-{number}", "access", subject={**subject, "account_number": f"AC-{number:04}"},
                          declaration=DECLARED))  # fmt: skip
        world.drain(iter(()))
    right = {"name": "Ada Quill", "emails": ["guesser-99@example.net"], "phones": ADA["phones"], **ACCOUNT}
    world.submit(asks("hit", "access", subject=right, declaration=DECLARED))
    world.drain(iter(()))

    assert events(world, RequestVerified) == []
    shown = [w for w in events(world, PartWaiting) if w.party is Party.OPERATOR and w.why == "throttled"]
    assert {wait.request_id for wait in shown} >= {request_of("hit", ACCESS)}


def test_who_is_throttled_sees_what_everybody_sees() -> None:
    full = mine(throttled=True)
    ask = asks("hit", "access", subject=FULL, declaration=DECLARED)
    throttled = World(full)
    throttled.counted = {f"record/{SUBJECT}": 10_000}
    nobody = World(Setting())
    for world in (throttled, nobody):
        play(submitting(**ask))(world, iter(()))

    assert outside(throttled) == outside(nobody)
    check_end(throttled)


# -------------------------------------------------------------------------------------------- a dishonest app or client


def test_an_app_cannot_squat_the_name_of_anothers_submission() -> None:
    world = World(mine())
    world.record("privacy.requests", {"source": "other", **asks("s", "inquiry", subject={"name": "X"}, message="m")})
    world.drain(iter(()))
    play(submitting(**asks("s", "delete", subject=FULL)))(world, iter(()))

    accepted = events(world, RequestAccepted)
    assert {(a.source, a.right) for a in accepted} == {("other", Right.INQUIRY), ("webform", DELETE)}
    assert len({a.case_id for a in accepted}) == 2
    assert problems(world) == []


def test_a_submissions_content_is_never_exchanged_under_its_name() -> None:
    world = played(mine(), submitting(**asks("s", "delete", subject=FULL)), submitting(**asks("s", "access")))

    assert [a.right for a in events(world, RequestAccepted)] == [DELETE]
    assert problems(world) == ["submission_id"]


def test_an_app_cannot_answer_for_anothers_request() -> None:
    world = World(mine())
    world.submit(asks("s", "access", subject={"emails": ADA["emails"]}))
    world.drain(iter(()))
    said = {"request_id": request_of("s", ACCESS), "kind": "points", "subject": FULL, "answer_id": "a"}
    stop = {"request_id": request_of("s", ACCESS), "answer_id": "b", **not_me(request_of("s", ACCESS))}
    for body in (said, stop):
        world.record("privacy.answers", {"source": "other", **body})
    world.drain(iter(()))

    assert events(world, AnswerRecorded) == []
    assert problems(world) == ["request_id", "request_id"]


def test_a_flood_of_wrong_tokens_and_codes_finds_none_and_stops_nobody_else() -> None:
    start = asks("s", "access", subject={"name": "Ada Quill", "phones": ADA["phones"]}, declaration=DECLARED)
    world = World(mine())
    world.submit(start)
    world.drain(iter(()))
    request = request_of("s", ACCESS)
    for number in range(300):
        guess: dict[str, Any] = {"kind": "code", "code": f"{number:08}"}
        if number % 2:
            guess = {"kind": "not_me", "answer_token": f"{number:032x}"}
        world.answer({"answer_id": f"g-{number}", "request_id": request, **guess})
    world.answer(
        {"answer_id": "c", "request_id": request, "kind": "code", "code": tokens.code(KEY, request, "code", 1)}
    )
    world.drain(iter(()))
    play(submitting(**asks("t", "delete", subject=FULL)))(world, iter(()))

    assert events(world, AnswerRecorded) == []
    assert {e.request_id for e in events(world, RequestVerified)} == {request_of("t", DELETE)}
    assert set(problems(world)) == {"code", "answer_token"}


def test_the_holder_of_the_mailbox_on_file_can_still_stop_what_was_flooded() -> None:
    world = World(mine())
    world.submit(asks("s", "access", subject={"name": "Ada Quill", "phones": ADA["phones"]}, declaration=DECLARED))
    world.drain(iter(()))
    request = request_of("s", ACCESS)
    for number in range(50):
        world.answer({"answer_id": f"g-{number}", "request_id": request, "kind": "code", "code": f"{number:08}"})
    world.answer({"answer_id": "stop", **not_me(request)})
    world.run_out(iter(()))

    assert [event.kind for event in events(world, AnswerRecorded)] == [AnswerKind.NOT_ME]
    assert nothing_done(world)


def test_a_code_serves_the_request_it_was_sent_for_and_once() -> None:
    body = asks("s", "access", "delete", subject={"name": "Ada Quill", "phones": ADA["phones"]}, declaration=DECLARED)
    world = World(mine())
    world.submit(body)
    world.drain(iter(()))
    code = tokens.code(KEY, request_of("s", ACCESS), "code", 1)
    for number, request in enumerate((request_of("s", DELETE), request_of("s", ACCESS), request_of("s", ACCESS))):
        world.answer({"answer_id": f"c-{number}", "request_id": request, "kind": "code", "code": code})
    world.drain(iter(()))

    assert [(e.request_id, e.round) for e in events(world, AnswerRecorded)] == [(request_of("s", ACCESS), 1)]
    assert problems(world) == ["code", "code"]


def test_a_client_cannot_speak_for_another() -> None:
    setting = Setting([recipient("acorn"), recipient("birch-co", 2)], on_request={})
    world = World(setting)
    world.submit(asks("s", "delete", subject=ADA))
    world.drain(iter(()))
    mine_token = next(e.reply_token for e in events(world, ClientRequest) if e.client == "birch-co")
    message = next(e for e in events(world, ClientRequest) if e.client == "acorn")
    said = {"client": "acorn", "handover_id": message.handover_id, "request_id": request_of("s", DELETE)}
    world.reply({**said, "type": "completed", "reply_token": mine_token})
    world.drain(iter(()))

    assert world.parked[-1].error == "ForgedToken"
    assert "client:acorn/handover" in world.fulfilment(request_of("s", DELETE)).pending()


def test_a_name_that_does_not_fit_vetoes_however_many_points_agree() -> None:
    record = own().candidate(offered(Subject(**FULL)).points, ["Basil Thorne"])
    assert record is not None
    vetoed = replace(record, name=NameFit.NONE)

    assert weigh([vetoed], needed=2, right=DELETE, on=date(2026, 3, 2), policy=handbook().points).subject is None


def test_an_operator_who_believes_an_impostor_still_writes_to_the_contact_on_file_alone() -> None:
    body = asks("s", "access", subject=NEW_MAILBOX, declaration=DECLARED, brand="shipdesk")
    world = played(mine(), submitting(**body), waiting(days=20), deciding("s", ACCESS, "approve", part="own/review"))

    assert [event.late for event in events(world, RequestVerified)] == [True]
    assert {to for letter, to in letters(world) if letter in TELLING} == {"on_file"}
