"""Log lines: constant names and identifiers; no person, whoever writes the line and however deep they put it."""

import asyncio
import io
import json
import logging
import logging.config
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from schemas.values import Right
from services.kernel import logs

CANARY = "Erika-Mustermann"


@dataclass
class Person:
    name: str = CANARY


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The whole pipeline, writing where the test can read."""
    out = io.StringIO()
    root, hook = logging.getLogger(), threading.excepthook
    before = root.handlers[:], root.level
    monkeypatch.setattr("sys.stderr", out)
    logs.configure("test")
    yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.captureWarnings(False)
    root.handlers, threading.excepthook = before[0], hook
    root.setLevel(before[1])


secrets = st.just(CANARY) | st.just(CANARY.encode()) | st.builds(Person) | st.builds(lambda: ValueError(CANARY))
names = st.sampled_from(sorted(logs.SENSITIVE)).map(lambda name: name.upper()) | st.sampled_from(sorted(logs.SENSITIVE))
harmless = st.sampled_from(["request_id", "stage", "batch", "details"])


def nests(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(harmless, inner, max_size=3) | st.tuples(inner, inner)


hidden = st.recursive(
    st.dictionaries(names, secrets, min_size=1, max_size=3)
    | st.builds(Person)
    | st.builds(lambda: ValueError(CANARY))
    | st.just(CANARY.encode()),
    nests,
    max_leaves=6,
)


@given(st.dictionaries(harmless | names, hidden, min_size=1))
def test_what_lies_under_a_personal_name_or_in_an_object_never_comes_out(event: dict[str, Any]) -> None:
    assert CANARY not in json.dumps(logs.redact(None, "info", event))


plain = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False)


@given(st.dictionaries(harmless, st.recursive(plain, st.lists, max_leaves=5)))
def test_plain_values_under_harmless_names_stay(event: dict[str, Any]) -> None:
    assert logs.redact(None, "info", event) == event


def test_identifiers_are_written_as_text() -> None:
    event = {"id": UUID(int=1), "at": datetime(2026, 3, 2, tzinfo=UTC), "right": Right.DELETE, "ids": {UUID(int=2)}}

    assert logs.redact(None, "info", event) == {
        "id": str(UUID(int=1)), "at": "2026-03-02 00:00:00+00:00", "right": "delete", "ids": [str(UUID(int=2))],
    }  # fmt: skip


def fails() -> None:
    raise KeyError(CANARY)


def test_an_exception_is_told_by_class_and_place_and_so_is_its_cause(lines: Callable[[], list[dict[str, Any]]]) -> None:
    try:
        try:
            fails()
        except KeyError as error:
            raise ValueError(CANARY) from error
    except ValueError as error:
        structlog.get_logger().error("broke", exc_info=error)
        structlog.get_logger().exception("broke")

    for line in lines():
        assert (line["error"], line["cause"], line["service"]) == ("ValueError", "KeyError", "test")
        assert line["cause_at"].partition(":")[0].endswith("test_logs.fails")
        assert CANARY not in str(line)


def test_of_a_librarys_line_only_the_pattern_stays(lines: Callable[[], list[dict[str, Any]]]) -> None:
    foreign = logging.getLogger("somebody.else")
    foreign.warning("could not send %r to %s", CANARY, CANARY)
    foreign.warning("one line\n%s" % CANARY)  # noqa: UP031  as careless libraries do
    foreign.error(ValueError(CANARY))
    try:
        fails()
    except KeyError:
        foreign.exception("failed with %s", CANARY, stack_info=True)

    assert [line["event"] for line in lines()] == [
        "could not send %r to %s", "one line", "ValueError", "failed with %s",
    ]  # fmt: skip
    assert lines()[0]["logger"] == "somebody.else"
    assert CANARY not in str(lines())


def test_a_library_repeats_itself_once_in_a_while_and_we_as_often_as_we_say_something(
    lines: Callable[[], list[dict[str, Any]]],
) -> None:
    for _ in range(50):
        logging.getLogger("aiokafka").warning("cannot connect")
        structlog.get_logger().info("batch_handled")

    said = [line["event"] for line in lines()]
    assert (said.count("cannot connect"), said.count("batch_handled")) == (1, 50)


def test_a_forgotten_tasks_and_a_threads_last_words_are_not_printed(
    lines: Callable[[], list[dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    async def forget() -> None:
        loop = asyncio.get_running_loop()
        loop.call_exception_handler({"message": "Task exception was never retrieved", "exception": KeyError(CANARY)})

    asyncio.run(forget())
    thread = threading.Thread(target=fails)
    thread.start()
    thread.join()

    assert [line["event"] for line in lines()] == ["Task exception was never retrieved", "thread_crashed"]
    assert CANARY not in str(lines()) + capsys.readouterr().err


def test_libraries_that_chatter_are_quiet_and_faust_stays_at_info(lines: Callable[[], list[dict[str, Any]]]) -> None:
    for name in logs.QUIET:
        logging.getLogger(name).info("chatter")
    logging.getLogger("faust").info("starting")

    assert [line["event"] for line in lines()] == ["starting"]
    assert logging.getLogger("faust").getEffectiveLevel() == logging.INFO
