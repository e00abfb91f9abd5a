"""Traces: carried as they came, begun where there is none, told only where somebody collects."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from schemas.wire import Record
from services.kernel import tracing
from services.kernel.batch import Item
from services.kernel.tracing import Spans, begun, spans_of, trace_of

GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def a_record(traceparent: str | None = None, offset: int = 7) -> Record:
    headers = ((tracing.HEADER, traceparent.encode()),) if traceparent is not None else ()
    return Record("privacy.requests", 2, offset, b"key", b"secret content", headers, 0)


def test_a_trace_is_carried_as_it_came() -> None:
    assert trace_of(a_record(GIVEN)) == GIVEN
    assert Item(None, (), begun(a_record(GIVEN))).trace == GIVEN


@given(st.text().filter(lambda text: not tracing._TRACEPARENT.fullmatch(text)))
def test_whatever_else_a_sender_writes_there_goes_no_further(text: str) -> None:
    assert trace_of(a_record(text.encode(errors="replace").decode())) is None
    assert Item(None, (), a_record("nadia@example.net")).trace is None


def test_a_record_of_no_trace_begins_the_same_one_each_time_and_another_than_its_neighbour() -> None:
    first, again, other = (trace_of(begun(a_record(offset=offset))) for offset in (7, 7, 8))

    assert first
    assert first == again != other


def test_a_span_belongs_to_the_trace_of_its_record_and_says_nothing_of_its_content() -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))

    Spans("intake", provider).tell([a_record(GIVEN), a_record()], 1_000, 5_000)

    [span] = kept.get_finished_spans()
    assert span.name == "intake privacy.requests"
    assert span.context
    assert f"{span.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert span.parent
    assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"
    assert (span.start_time, span.end_time) == (1_000, 5_000)
    assert "secret" not in span.to_json()


def test_nothing_is_loaded_where_nobody_collects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(tracing.ENDPOINT, raising=False)
    tracing._provider.cache_clear()

    assert spans_of("intake") is None
    tracing._provider.cache_clear()


def test_spans_are_told_where_an_endpoint_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(tracing.ENDPOINT, "http://127.0.0.1:1")
    tracing._provider.cache_clear()

    assert isinstance(spans_of("intake"), Spans)
    tracing._provider().shutdown()
    tracing._provider.cache_clear()
