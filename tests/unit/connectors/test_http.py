"""Requests by template: nothing a person wrote changes their shape, and every answer is taken at its word only."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from connectors.holdings import FieldMap
from connectors.http import open_http
from connectors.http.templates import Template
from connectors.memory import Remembering
from connectors.port import Answer, Pending, Receipt, Sink, Task, Trouble
from connectors.registry import NoSuchConnector
from schemas.values import Action, Outcome, Reason
from tests.contract.backend import Reply, Server
from tests.contract.company import Basket, correct, erase, held, task
from tests.contract.fake import Memo

NASTY = ['"}, "admin": true, "x": "', "{{ 7 * 7 }}", "../../all?x=1#", "\u2028\n\t'", "Zo\u00eb \U0001f600"]
ERASE: dict[str, Any] = {"method": "DELETE", "path": "/p/{{ key.person_id }}"}


class Theirs:
    """A server that answers from a list, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: list[Reply] = []
        self.asked: list[tuple[str, str, Any]] = []
        self.headers: dict[str, str] = {}
        self.server = Server(self.answer)

    def answer(self, method: str, path: str, headers: dict[str, str], body: Any) -> Reply:
        self.asked.append((method, path, body))
        self.headers = headers
        return self.answers.pop(0) if self.answers else (204, b"")


@pytest.fixture
def theirs() -> Iterator[Theirs]:
    made = Theirs()
    yield made
    made.server.close()


def ask(theirs: Theirs, options: dict[str, Any], *tasks: Task, memo: Memo | None = None, **more: Any) -> list[Answer]:
    async def run() -> list[Answer]:
        declared = held("http", {"record_key": "person_id"} | options, **more)
        system = open_http("shop", declared, {"SHOP": theirs.server.url})
        try:
            return await (Remembering(system, memo) if memo else system).perform(list(tasks), Basket())
        finally:
            await system.close()

    return asyncio.run(run())


@pytest.mark.parametrize("text", NASTY)
def test_no_value_changes_the_shape_of_a_body(theirs: Theirs, text: str) -> None:
    change = {"method": "PATCH", "path": "/p", "body": '{"set": {"email": {{ corrections.email }}}, "by": "us"}'}

    ask(theirs, {"correct": change}, correct(1, email=text))

    assert theirs.asked == [("PATCH", "/p", {"set": {"email": text}, "by": "us"})]


@pytest.mark.parametrize("text", NASTY)
def test_no_value_changes_the_shape_of_a_path(theirs: Theirs, text: str) -> None:
    ask(theirs, {"erase": ERASE}, erase(text))

    [(_, path, _)] = theirs.asked
    assert path.startswith("/p/")
    assert not set(path.removeprefix("/p/")) & set("/?#&= \"'{}\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/p/{{ nme }}", "unknown nme"),
        ("/p/{{ key.person_id", "line 1"),
        ("/p/{{ key.__class__.__mro__ }}", "SecurityError"),
        ("/p/{% for x in range(999999999) %}{% endfor %}", "OverflowError"),
    ],
)
def test_a_template_that_cannot_work_is_refused_when_the_system_is_opened(text: str, said: str) -> None:
    declared = held("http", {"record_key": "person_id", "erase": {"method": "DELETE", "path": text}})

    with pytest.raises(NoSuchConnector, match=r"shop: options\.erase") as raised:
        open_http("shop", declared, {"SHOP": "https://shop.example"})

    assert said in str(raised.value)


def test_a_body_that_would_be_no_json_is_refused(theirs: Theirs) -> None:
    declared = held("http", {"record_key": "person_id", "erase": ERASE | {"body": '{"id": "{{ key.person_id }}"}'}})

    with pytest.raises(NoSuchConnector, match="values bring their own quotes"):
        open_http("shop", declared, {"SHOP": theirs.server.url})


def test_what_is_not_set_is_said_by_its_name() -> None:
    options = {"record_key": "person_id", "erase": ERASE, "headers": {"authorization": "SHOP_TOKEN"}}

    with pytest.raises(NoSuchConnector, match="set SHOP_TOKEN"):
        open_http("shop", held("http", options), {"SHOP": "https://shop.example"})
    with pytest.raises(NoSuchConnector, match="set SHOP"):
        open_http("shop", held("http", {"record_key": "person_id"}), {})
    with pytest.raises(NoSuchConnector, match=r"options\.record_key: Field required"):
        open_http("shop", held("http", {}), {"SHOP": "https://shop.example"})


@pytest.mark.parametrize(
    ("status", "retry", "code"),
    [
        (500, True, "system_unavailable.500"),
        (429, True, "system_unavailable.429"),
        (401, False, "system_refused.401"),
        (422, False, "system_refused.422"),
        (302, False, "system_refused.302"),
    ],
)
def test_a_refusal_says_whether_trying_again_helps(theirs: Theirs, status: int, retry: bool, code: str) -> None:
    theirs.answers = [(status, {"error": "Ann Oak may not"})]

    [answer] = ask(theirs, {"erase": ERASE}, erase(1))

    assert answer == Trouble(erase(1).task_id, retry=retry, code=code)


def test_nobody_at_home_and_no_answer_in_time_may_be_tried_again(theirs: Theirs) -> None:
    theirs.server.close()

    [answer] = ask(theirs, {"erase": ERASE}, erase(1))

    assert answer == Trouble(erase(1).task_id, retry=True, code="system_unavailable")


@pytest.mark.parametrize("told", [b"<html>", {"status": "vanished"}, {"state": "done"}, [1]])
def test_an_answer_that_was_not_agreed_is_no_success(theirs: Theirs, told: Any) -> None:
    theirs.answers = [(200, told)]

    [answer] = ask(theirs, {"erase": ERASE | {"outcome": "/status", "words": {"done": "erased"}}}, erase(1))

    assert isinstance(answer, Trouble)
    assert not answer.retry


def test_a_word_of_theirs_becomes_one_of_ours_with_counts_and_reasons(theirs: Theirs) -> None:
    kept = {"category": "commercial", "code": "exception_legal_obligation", "citation": "26 U.S.C. 6001", "count": 2}
    theirs.answers = [(200, {"status": "partly", "n": {"contacts": 3}, "kept": [kept]})]
    step = ERASE | {"outcome": "/status", "words": {"partly": "retained"}, "counts": {"identifiers": "/n/contacts"}}

    [answer] = ask(theirs, {"erase": step | {"retained": "/kept"}}, erase(1))

    assert isinstance(answer, Receipt)
    assert (answer.outcome, answer.counts) == (Outcome.RETAINED, {"identifiers": 3})
    assert [(one.code, one.count) for one in answer.retained] == [(Reason.EXCEPTION_LEGAL_OBLIGATION, 2)]


def test_a_deletion_whose_answer_was_lost_still_says_erased(theirs: Theirs) -> None:
    memo, options = Memo(), {"erase": ERASE, "find": {"method": "GET", "path": "/p/{{ key.person_id }}"}}
    theirs.answers = [(200, {}), (504, b""), (404, b"")]

    [first] = ask(theirs, options, erase(1), memo=memo)
    [second] = ask(theirs, options, erase(1), memo=memo)

    assert isinstance(first, Trouble)
    assert isinstance(second, Receipt)
    assert second.outcome is Outcome.ERASED
    assert [method for method, _, _ in theirs.asked] == ["GET", "DELETE", "DELETE"]
    assert theirs.headers["idempotency-key"] == str(erase(1).task_id)


def test_records_already_done_are_not_asked_for_again(theirs: Theirs) -> None:
    memo, both = Memo(), erase(None, keys=({"person_id": "1"}, {"other": "x"}, {"person_id": "2"}))
    theirs.answers = [(204, b""), (503, b""), (503, b""), (204, b"")]

    [first] = ask(theirs, {"erase": ERASE}, both, memo=memo)
    [second] = ask(theirs, {"erase": ERASE}, both, memo=memo)

    assert isinstance(first, Trouble)
    assert isinstance(second, Receipt)
    assert second.outcome is Outcome.ERASED
    assert [path for _, path, _ in theirs.asked] == ["/p/1", "/p/2", "/p/2", "/p/2"]


def test_a_job_is_looked_at_again_when_the_data_map_says(theirs: Theirs) -> None:
    memo = Memo()
    step = ERASE | {"reference": "/job", "poll": {"method": "GET", "path": "/jobs/{{ reference }}"}}
    step["outcomes"] = {202: "pending"}
    theirs.answers = [(202, {"job": "a/7"}), (200, {})]

    [first] = ask(theirs, {"erase": step, "poll_s": 60}, erase(1), memo=memo)
    [second] = ask(theirs, {"erase": step, "poll_s": 60}, erase(1), memo=memo)

    assert isinstance(first, Pending)
    assert first.check_in == timedelta(seconds=60)
    assert isinstance(second, Receipt)
    assert theirs.asked[1] == ("GET", "/jobs/a%2F7", None)


def test_an_export_follows_pages_of_the_same_host_only(theirs: Theirs) -> None:
    step = {"method": "GET", "path": "/p", "rows": {"person": "/rows"}, "next": "/more"}
    page = {"rows": [{"name": "Ann Oak", "card": "4000", "note": "hidden"}]}
    theirs.answers = [(200, page | {"more": "/p?page=2"}), (200, page), (200, page | {"more": "https://evil.example/"})]

    [whole] = ask(theirs, {"export": step}, task(Action.EXPORT, 1))
    [astray] = ask(theirs, {"export": step}, task(Action.EXPORT, 2))

    assert isinstance(whole, Receipt)
    assert whole.counts == {"customer_records": 2, "identifiers": 2}
    assert astray == Trouble(astray.task_id, retry=False, code="points_elsewhere")


def test_rows_are_shown_as_declared(theirs: Theirs) -> None:
    theirs.answers = [(200, [{"name": "Ann Oak", "card": "4000", "note": "hidden"}])]
    step, basket, wanted = {"method": "GET", "path": "/p", "rows": {"person": ""}}, Basket(), task(Action.EXPORT, 1)

    async def run(sink: Sink) -> None:
        declared = held("http", {"record_key": "person_id", "export": step})
        system = open_http("shop", declared, {"SHOP": theirs.server.url})
        await system.perform([wanted], sink)
        await system.close()

    asyncio.run(run(basket))

    assert basket.of(wanted.task_id, "person") == [{"name": "Ann Oak", "card": {"held": True, "type": "payment_card"}}]
    assert FieldMap(category="identifiers").disclose == "value"


def test_the_check_names_what_cannot_be_asked_and_an_open_door(theirs: Theirs) -> None:
    async def run(url: str, **more: Any) -> list[str]:
        declared = held("http", {"record_key": "person_id", "erase": ERASE}, **more)
        system = open_http("shop", declared, {"SHOP": url})
        found = await system.check()
        await system.close()
        return [f"{finding.where}{'!' if finding.serious else ''}" for finding in found]

    assert asyncio.run(run(theirs.server.url)) == ["options.apply!", "options.correct!", "options.export!"]
    assert asyncio.run(run(theirs.server.url, rights=["delete"])) == []
    assert asyncio.run(run("http://shop.invalid", rights=["delete"])) == ["SHOP", "ping!"]
    assert asyncio.run(run("ftp://shop.invalid", rights=["delete"])) == ["SHOP!", "ping!"]


def test_templates_write_values_as_json() -> None:
    template = Template.for_body('{"since": {{ since }}, "all": {{ corrections }}}')

    assert json.loads(template.fill({"since": None, "corrections": {"a": "b"}})) == {"since": None, "all": {"a": "b"}}
