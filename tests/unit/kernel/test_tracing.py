"""Traces: carried as they came, begun where there is none, told only where somebody collects."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
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


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, bytes]]]:
    """What a collector was sent: path and body."""
    sent: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv(tracing.ENDPOINT, f"http://127.0.0.1:{server.server_port}")
        tracing._provider.cache_clear()
        yield sent
        tracing._provider.cache_clear()
        server.shutdown()
        thread.join()


def test_a_collector_is_sent_the_spans_of_every_stage_under_the_name_of_its_service(
    collected: list[tuple[str, bytes]],
) -> None:
    for stage in ("fulfiller", "tasks"):
        spans = spans_of(stage)
        assert spans
        spans.tell([a_record(GIVEN)], 1_000, 5_000)
    tracing._provider("fulfiller").shutdown()

    [(path, body)] = collected
    [told] = ExportTraceServiceRequest.FromString(body).resource_spans
    names = {pair.key: pair.value.string_value for pair in told.resource.attributes}
    found = [span for scope in told.scope_spans for span in scope.spans]
    assert (path, names["service.name"]) == ("/v1/traces", "rightsbus-fulfiller")
    assert [span.name for span in found] == ["fulfiller privacy.requests", "tasks privacy.requests"]
    assert {span.trace_id.hex() for span in found} == {"0af7651916cd43dd8448eb211c80319c"}
    assert b"secret" not in body
