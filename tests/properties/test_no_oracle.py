"""Invariant 5: what the public sees does not tell whether a record exists."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.public import RequestStatusChanged, Subject
from schemas.values import Mode, Outcome, Right
from tests.support.compare import bare
from tests.support.invariants import events
from tests.support.scenes import (
    DELETE,
    MAIL,
    SUBJECT,
    TEXT,
    Script,
    adding,
    answering,
    asks,
    deciding,
    proving,
    recipient,
)
from tests.support.world import Person, Setting, World

RIGHTS = [
    "delete", "access", "know_categories", "correct", "portability", "opt_out_sale_share", "opt_out_marketing",
    "complaint", "inquiry", "shine_the_light", "limit_sensitive",
]  # fmt: skip
ADA: dict[str, Any] = {"name": "Ada Quill", "emails": ["ada.quill@example.org"], "phones": ["+18015550123"]}
subjects = st.sampled_from([ADA, MAIL, {"name": "Ada Quill"}, {"phones": ADA["phones"]}])
modes = st.sampled_from(list(Mode))
replies = st.lists(st.sampled_from(["received", "completed", "refused", "not_ours", "instruct"]), max_size=2)
clients = st.dictionaries(
    st.sampled_from(["acorn", "birch-co", "cedar"]), st.tuples(modes, replies, st.booleans()), min_size=1
)
later = st.lists(
    st.sampled_from(
        [
            answering("s", DELETE, "withdrawal"),
            answering("s", Right.KNOW_SPECIFIC, "withdrawal"),
            deciding("s", DELETE, "deny", reason="suspected_fraud"),
            adding("s", DELETE, phones=["+18015550188"]),
            lambda world: world.run_out(iter(()), world.now + timedelta(days=16)),
        ]
    ),
    max_size=3,
)
submissions = st.fixed_dictionaries(
    {"rights": st.lists(st.sampled_from(RIGHTS), min_size=1, max_size=3), "subject": subjects},
    optional={"brand": st.sampled_from(["parcelwise", "shipdesk"]), **{k: st.just(v) for k, v in TEXT.items()}},
)


def public(setting: Setting, body: dict[str, Any], acts: list[Callable[[World], None]]) -> list[Any]:
    """Everything whoever asked gets to see, in the order and at the moments they see it."""
    world = World(setting)
    start = asks("s", *body["rights"], subject=body["subject"], brand=body.get("brand", "parcelwise"))
    late = [lambda w: w.run_out(iter(()), w.now + timedelta(days=16)), adding("s", DELETE, order_numbers=["ORDER-1"])]
    Script([lambda w: w.submit(start), *acts, *late])(world, iter(()))
    seen = [
        (s.request_id, s.occurred_at, s.status, s.reason, s.waiting_for, bare(s))
        for s in events(world, RequestStatusChanged)
    ]
    letters = [
        (name, at, bare(dict(effect.body)))
        for name, (at, effect) in world.letters.items()
        if effect.body["to"] == "given"
    ]
    on_file = [name for name, (_, effect) in world.letters.items() if effect.body["to"] == "on_file"]
    assert on_file == []
    return [sorted(seen, key=repr), sorted(letters, key=repr)]


@given(body=submissions, known=clients, acts=later)
@settings(max_examples=80, deadline=None)
def test_who_named_no_parcel_sees_the_same_whether_recipient_records_exist_or_not(
    body: dict[str, Any], known: dict[str, tuple[Mode, list[str], bool]], acts: list[Callable[[World], None]]
) -> None:
    wrong = {"proof/1": proving(phones=["+18015550188"])}
    somebody = Setting(
        people=[recipient(name, number) for number, name in enumerate(known)],
        modes={name: mode for name, (mode, _, _) in known.items()},
        disabled=frozenset(name for name, (_, _, enabled) in known.items() if not enabled),
        on_request={name: said for name, (_, said, _) in known.items()},
        does={"shipments": [Outcome.FAILED]},
        on_letter=wrong,
    )

    assert public(somebody, body, acts) == public(Setting(on_letter=wrong), body, acts)


@given(body=submissions, fails=st.booleans(), acts=later)
@settings(max_examples=80, deadline=None)
def test_who_does_not_prove_who_they_are_sees_the_same_whether_a_record_exists_or_not(
    body: dict[str, Any], fails: bool, acts: list[Callable[[World], None]]
) -> None:
    """One point fits, and the name fits nobody here: not enough, however often it is tried."""
    wrong = {"proof/1": proving(phones=["+18015550188"]), "proof/2": proving(phones=["+18015550177"])}
    held = Person(
        SUBJECT, Subject(name="Basil Thorne", emails=ADA["emails"], phones=ADA["phones"], account_number="AC-1")
    )
    does = {"web": [Outcome.FAILED]} if fails else {}
    somebody = Setting(people=[held], on_letter=wrong, does=does)

    assert public(somebody, body, acts) == public(Setting(on_letter=wrong), body, acts)
