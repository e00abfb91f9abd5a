"""Bad input gets an answer that names field and rule, repeats no value, and reaches whoever sent it."""

import copy
import json
from collections.abc import Iterator
from datetime import timedelta
from enum import Enum
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import values
from schemas.public import Mandate, RequesterAnswered, RequestSubmitted
from schemas.shapes import examples
from schemas.values import Problem
from schemas.wire import Record, Unreadable
from services.intake.decide.reading import Answer, Reader, Submission

READ = Reader(name_case=lambda source, submission: f"case of {source}/{submission}", digest=lambda body: str(len(body)))
GOOD = examples(RequestSubmitted)["three-rights-with-declaration"]
ANSWER = examples(RequesterAnswered)["points"]
AGENT = examples(RequestSubmitted)["by-an-agent"]["agent"]
SUBJECT = GOOD["subject"]
OMITTED = object()


def a_record(body: Any, *, topic: str = "privacy.requests", **headers: bytes) -> Record:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Record(topic, 0, 7, None, raw, tuple(headers.items()), 1_772_471_112_000)


def submitted(**changes: Any) -> Submission:
    body = {name: value for name, value in {**GOOD, **changes}.items() if value is not OMITTED}
    read = READ(a_record(body))
    assert isinstance(read, Submission)
    return read


def answered(**changes: Any) -> Answer:
    body = {name: value for name, value in {**ANSWER, **changes}.items() if value is not OMITTED}
    read = READ(a_record(body, topic="privacy.answers"))
    assert isinstance(read, Answer)
    return read


def of(subject: dict[str, Any]) -> dict[str, Any]:
    return {"subject": SUBJECT | subject}


MOMENT = "must be a date and time such as 2026-06-01T12:00:00Z"
BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown right among known ones": ({"rights": ["delete", "teleport"]}, "rights.1", "must be one of know_cat"),
    "a right only we give": ({"rights": ["unclassified"]}, "rights.0", "must be one of know_categories"),
    "51 rights": ({"rights": ["delete"] * 51}, "rights", "must have at most 50 entries"),
    "neither rights nor text": ({"rights": []}, "rights", "must name a right, or `message` must say"),
    "neither rights nor any text": ({"rights": [], "message": " \n "}, "rights", "must name a right, or `message`"),
    "no subject": ({"subject": OMITTED}, "subject", "must be given"),
    "a subject that is a text": ({"subject": "Wren Castellan"}, "subject", "must be a JSON object"),
    "no submission id": ({"submission_id": OMITTED}, "submission_id", "must be given"),
    "an id with spaces": ({"submission_id": "wf 1"}, "submission_id", "must be letters, digits, dots"),
    "an id too long": ({"submission_id": "x" * 65}, "submission_id", "must be letters, digits, dots"),
    "an id that is a number": ({"submission_id": 10**300}, "submission_id", "must be text"),
    "a source with a dot": ({"source": "web.form"}, "source", "must be lower-case letters, digits and hyphens"),
    "a brand that is a list": ({"brand": []}, "brand", "must be text"),
    "an e-mail without domain": (of({"emails": ["wren@"]}), "subject.emails.0", "must be an e-mail address"),
    "an e-mail with half a domain": (of({"emails": ["wren@example"]}), "subject.emails.0", "must be an e-mail address"),
    "an e-mail too long": (of({"emails": ["w@" + "x" * 250 + ".org"]}), "subject.emails.0", "must have at most 254"),
    "a phone too short": (of({"phones": ["911"]}), "subject.phones.0", "must have at least 5 characters"),
    "a phone that is a number": (of({"phones": [18015550143]}), "subject.phones.0", "must be text"),
    "21 phones": (of({"phones": ["+1 801 555 0143"] * 21}), "subject.phones", "must have at most 20 entries"),
    "NUL in a name": (of({"name": "Wren\x00"}), "subject.name", "must not contain control"),
    "a control character": (of({"order_numbers": ["BO\x1b-5"]}), "subject.order_numbers.0", "must not contain control"),
    "a zero-width character": (of({"name": "Wr\u200ben"}), "subject.name", "must not contain zero-width"),
    "a direction character": ({"message": "a\u202eb"}, "message", "must not contain zero-width or direction"),
    "a second line in a name": (of({"name": "Wren\nBcc: x"}), "subject.name", "must be one line"),
    "a name too long": (of({"name": "x" * 201}), "subject.name", "must have at most 200 characters"),
    "an empty order number": (of({"order_numbers": [""]}), "subject.order_numbers.0", "must have at least 1 char"),
    "a message too long": ({"message": "x" * 4_001}, "message", "must have at most 4000 characters"),
    "an assertion too long": ({"authentication": "x" * 8_193}, "authentication", "must have at most 8192"),
    "a purchase of no day": (of({"transactions": [{}]}), "subject.transactions.0.on", "must be given, or `amount`"),
    "an amount in words": (of({"transactions": [{"amount": "ten"}]}), "subject.transactions.0.amount", "must be an am"),
    "an address without a line": (of({"addresses": [{"city": "x"}]}), "subject.addresses.0.line1", "must be given"),
    "a naive time": ({"received_at": "2026-03-02T17:05:12"}, "received_at", f"{MOMENT}, with its zone"),
    "a time of seconds": ({"received_at": 1_772_471_112}, "received_at", "must be written as in 2026-06-01"),
    "a time of digits": ({"received_at": "1772471112"}, "received_at", "must be written as in 2026-06-01"),
    "a time out of range": ({"received_at": "2026-13-02T17:05:12Z"}, "received_at", MOMENT),
    "a day that is none": ({"period": {"since": "2026-02-30"}}, "period.since", "must be a date such as 2026-06-01"),
    "a span the wrong way": (
        {"period": {"since": "2026-02-02", "until": "2026-02-01"}},
        "period.until",
        "must not be earlier than `since`",
    ),
    "a country in words": ({"residence": {"country": "Canada"}}, "residence.country", "must be two capital letters"),
    "a region with its country": (
        {"residence": {"country": "US", "region": "US-CA"}},
        "residence.region",
        "must be what follows the hyphen",
    ),
    "an unknown role": ({"role": "boss"}, "role", "must be one of subject, agent, parent or client_staff"),
    "an agent unnamed": ({"role": "agent"}, "agent", "must be given when `role` is agent"),
    "a declaration unsigned": (
        {"declaration": {"signed_name": "", "signed_at": "2026-03-02T17:04:00Z", "text_version": "1"}},
        "declaration.signed_name",
        "must have at least 1 characters",
    ),
    "a declaration of tomorrow": (
        {"declaration": {"signed_name": "W. C.", "signed_at": "2099-01-01T00:00:00Z", "text_version": "1"}},
        "declaration.signed_at",
        "must not lie in the future",
    ),
    "a purchase of next week": (
        of({"transactions": [{"amount": "1"}, {"on": "2026-03-09"}]}),
        "subject.transactions.1.on",
        "must not lie in the future",
    ),
    "a mandate of tomorrow": (
        {"agent": AGENT | {"mandate": {"signed_at": "2099-01-01T00:00:00Z"}}},
        "agent.mandate.signed_at",
        "must not lie in the future",
    ),
    "a mandate that ended before it began": (
        {"agent": AGENT | {"mandate": {"signed_at": "2026-01-02T00:00:00Z", "expires_at": "2026-01-01T00:00:00Z"}}},
        "agent.mandate.expires_at",
        "must be later than `signed_at`",
    ),
    "no language": ({"locale": "english please"}, "locale", "must be a language tag such as en-US"),
    "deep lists": ({"rights": json.loads("[" * 150 + "]" * 150)}, "rights.0", "must be one of"),
}
BAD_ANSWERS: dict[str, tuple[dict[str, Any], str, str]] = {
    "no kind": ({"kind": OMITTED}, "kind", "must be given"),
    "an unknown kind": ({"kind": "song"}, "kind", "must be one of points, declaration"),
    "no request": ({"request_id": OMITTED}, "request_id", "must be given, or `case_id`"),
    "an id not ours": ({"request_id": "17"}, "request_id", "must be an id as we gave it"),
    "points without any": ({"subject": {}}, "subject", "must say something when `kind` is points"),
    "a declaration without one": ({"kind": "declaration"}, "declaration", "must say something when `kind` is decl"),
    "a code without one": ({"kind": "code"}, "code", "must say something when `kind` is code"),
    "detail without any": (
        {"kind": "detail", "subject": OMITTED},
        "rights",
        "must say something when `kind` is detail; `message` or `subject` or `corrections` will do too",
    ),
    "a mandate of tomorrow": (
        {"kind": "mandate", "mandate": {"signed_at": "2099-01-01T00:00:00Z"}},
        "mandate.signed_at",
        "must not lie in the future",
    ),
    "neither yes nor no": ({"accepted": "perhaps"}, "accepted", "must be true or false"),
    "a token too long": ({"answer_token": "x" * 65}, "answer_token", "must have at most 64 characters"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_submission_is_answered_with_field_and_rule(name: str) -> None:
    changes, field, rule = BAD[name]

    read = submitted(**changes)

    assert read.body is None
    assert [problem.field for problem in read.problems] == [field]
    assert read.problems[0].rule.startswith(rule)


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_a_bad_answer_is_answered_with_field_and_rule(name: str) -> None:
    changes, field, rule = BAD_ANSWERS[name]

    read = answered(**changes)

    assert read.body is None
    assert [problem.field for problem in read.problems] == [field]
    assert read.problems[0].rule.startswith(rule)
    assert (read.source, read.answer_id) == (ANSWER["source"], ANSWER["answer_id"])


@pytest.mark.parametrize("signed_at", ["2026-03-02T17:09:00Z", "2026-03-02T12:05:00-05:00", "2020-01-01T00:00:00Z"])
def test_a_clock_a_little_ahead_harms_nobody(signed_at: str) -> None:
    signed = {"signed_name": "Wren Castellan", "signed_at": signed_at, "text_version": "1"}
    today_in_auckland = {"transactions": [{"on": "2026-03-03"}]}

    assert submitted(declaration=signed, subject=SUBJECT | today_in_auckland).problems == ()


def test_every_problem_is_told_at_once_but_no_more_than_twenty() -> None:
    some = submitted(role="boss", locale="?", subject={"emails": ["x"], "phones": ["1"]})
    many = submitted(rights=["teleport"] * 50)

    assert [p.field for p in some.problems] == ["role", "subject.emails.0", "subject.phones.0", "locale"]
    assert len(many.problems) == 20


@pytest.mark.parametrize("topic", ["privacy.requests", "privacy.answers"])
@pytest.mark.parametrize("body", [b"{]", b"\xff", b"[]", b"null", b""])
def test_what_cannot_be_read_at_all_is_answered_if_a_header_names_the_app(body: bytes, topic: str) -> None:
    read = READ(a_record(body, topic=topic, ce_source=b"webform"))

    assert isinstance(read, Submission | Answer)
    assert read.source == "webform"
    assert [problem.field for problem in read.problems] == [""]
    with pytest.raises(Unreadable, match="source: must name the app that submits"):
        READ(a_record(body, topic=topic))


@pytest.mark.parametrize("source", ["web form", "", "x" * 65, 7, None, ["webform"], "webform\x00"])
def test_a_source_nobody_can_be_named_is_left_to_an_operator(source: Any) -> None:
    with pytest.raises(Unreadable, match="source: must name the app that submits"):
        submitted(source=source)


def test_a_body_of_2_mb_is_answered_under_its_own_id() -> None:
    read = submitted(message="x" * 2_000_000)

    assert (read.source, read.submission_id) == (GOOD["source"], GOOD["submission_id"])
    assert read.problems == (Problem(field="", rule="must have at most 262144 bytes"),)


def test_a_cloud_event_of_another_version_is_answered_under_its_own_id() -> None:
    wrapped = {"specversion": "0.3", "data": GOOD}
    record = Record("privacy.requests", 0, 7, None, json.dumps(wrapped).encode(),
                    (("content-type", b"application/cloudevents+json"),), 0)  # fmt: skip

    read = READ(record)

    assert isinstance(read, Submission)
    assert read.submission_id == GOOD["submission_id"]
    assert read.problems == (Problem(field="specversion", rule="must be 1.0"),)


def test_unknown_fields_are_left_out_and_counted() -> None:
    read = submitted(utm_source="x", subject=SUBJECT | {"shoe_size": 44})

    assert read.problems == ()
    assert read.ignored == 2
    assert answered(extra=1).ignored == 1
    assert submitted().digest == read.digest


def test_a_submission_without_a_readable_id_is_filed_under_its_position() -> None:
    one, two = (READ(Record("privacy.requests", 0, offset, None, b'{"source": "webform"}', (), 0)) for offset in (1, 2))

    assert isinstance(one, Submission)
    assert isinstance(two, Submission)
    assert one.case_id != two.case_id


def test_a_record_of_no_time_is_read_all_the_same() -> None:
    read = READ(Record("privacy.requests", 0, 7, None, json.dumps(GOOD).encode(), (), 10**18))

    assert isinstance(read, Submission)
    assert read.recorded_at.year == 2999


MARK = "zqx7"
"""Begins every text made here, and occurs in no rule and no name of ours."""
LISTS: list[type[Enum]] = [kind for kind in vars(values).values() if isinstance(kind, type) and issubclass(kind, Enum)]
WORDS = {*(str(word) for kind in LISTS for word in kind), *get_args(Mandate.model_fields["kind"].annotation)}
"""Words of the contract: a rule may list them, whether or not somebody used one."""

texts = st.text(max_size=12).map(lambda text: MARK + text)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)


def places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a tree."""
    for key in tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ():
        yield tree, key
        yield from places(tree[key])


def leaves(tree: Any) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    for container, key in places(tree):
        if isinstance(key, str) and MARK in key:
            yield key
        if isinstance(container[key], str):
            yield container[key]


@st.composite
def damaged(draw: st.DrawFn, good: dict[str, Any]) -> dict[str, Any]:
    body = copy.deepcopy(good)
    for _ in range(draw(st.integers(1, 5))):
        container, key = draw(st.sampled_from(list(places(body))))
        match draw(st.sampled_from(["replace", "remove", "add", "nest"])):
            case "replace":
                container[key] = draw(trees)
            case "remove":
                del container[key]
            case "add" if isinstance(container, dict):
                container[draw(texts)] = draw(trees)
            case "add":
                container.append(draw(trees))
            case _:
                container[key] = [container[key]]
        if not body:
            break
    return body


def check_nothing_is_repeated(body: dict[str, Any], topic: str) -> None:
    try:
        read = READ(a_record(body, topic=topic))
    except Unreadable as error:
        problems = error.problems
    else:
        assert isinstance(read, Submission | Answer)
        problems = list(read.problems)
        assert bool(problems) == (read.body is None)
    told = " ".join(f"{problem.field} {problem.rule}" for problem in problems)

    assert MARK not in told
    for leaf in leaves(body):
        assert len(leaf) < 4 or leaf in WORDS or leaf not in told


FULL = GOOD | {
    "channel": "kiosk",
    "locale": "pt-BR",
    "role": "agent",
    "agent": examples(RequestSubmitted)["by-an-agent"]["agent"],
    "corrections": examples(RequestSubmitted)["correction"]["corrections"],
    "merchant_named": "Birch Outfitters",
    "refers_to": ANSWER["request_id"],
    "authentication": "eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl",
    "message": "Please look again.",
}


@given(damaged(FULL))
def test_no_answer_to_a_submission_repeats_what_was_in_it(body: dict[str, Any]) -> None:
    check_nothing_is_repeated(body, "privacy.requests")


@given(damaged(ANSWER | {"answer_token": "feedc0ffee", "code": "24681357", "message": "Please look again."}))
def test_no_answer_to_an_answer_repeats_what_was_in_it(body: dict[str, Any]) -> None:
    check_nothing_is_repeated(body, "privacy.answers")


@given(st.binary(max_size=200), st.sampled_from(["privacy.requests", "privacy.answers"]))
def test_no_bytes_do_more_harm_than_being_unreadable(body: bytes, topic: str) -> None:
    read = READ(a_record(body, topic=topic, ce_source=b"webform"))

    assert isinstance(read, Submission | Answer)
    assert read.body is None


def test_a_record_was_received_when_the_installations_own_clock_says_so() -> None:
    forty_days = timedelta(days=40)
    read = Reader(READ._name_case, READ._digest, moment=lambda at: at + forty_days)
    signed = GOOD["declaration"] | {"signed_at": (a_record(GOOD).at + forty_days).isoformat()}

    later, answer = read(a_record({**GOOD, "declaration": signed})), read(a_record(ANSWER, topic="privacy.answers"))

    assert isinstance(later, Submission)
    assert isinstance(answer, Answer)
    assert later.recorded_at == answer.recorded_at == a_record(GOOD).at + forty_days
    assert (later.problems, later.event_id) == ((), submitted().event_id)
