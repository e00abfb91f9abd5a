"""Traces: which one a message belongs to, and a span for each one handled where somebody collects them.

Off by default: without OTEL_EXPORTER_OTLP_ENDPOINT nothing is loaded and nothing is measured. With it, and the extra
`tracing` installed, every stage exports one span per message over OTLP/HTTP; a message that belongs to no trace starts
one. Spans name topics, positions and ids; never content.
"""

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any, Final

import structlog

from schemas.topics import STAGES
from schemas.wire import Record

log = structlog.get_logger()
ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
HEADER: Final = "traceparent"
_TRACEPARENT: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
"""Version 00 of W3C's Trace Context. Whatever else a sender wrote there goes no further."""


def trace_of(record: Record) -> str | None:
    """The trace a record says it belongs to; None when it says none, or says something else there."""
    told = record.header(HEADER)
    return told if told and _TRACEPARENT.fullmatch(told) else None


def begun(record: Record) -> Record:
    """The record as one of a trace: its own, or one named after where it lies, the same whenever it is read."""
    if trace_of(record):
        return record
    named = hashlib.sha256(f"{record.topic}/{record.partition}/{record.offset}".encode()).hexdigest()
    return replace(record, headers=(*record.headers, (HEADER, f"00-{named[:32]}-{named[32:48]}-01".encode())))


class Spans:
    """Tells the collector of messages handled by one stage."""

    def __init__(self, stage: str, provider: Any) -> None:  # noqa: ANN401  an optional dependency's type
        self._stage, self._tracer = stage, provider.get_tracer("rightsbus")

    def tell(self, records: Iterable[Record], started_ns: int, ended_ns: int) -> None:
        """One span per record, from when its batch was taken to when everything that follows was confirmed."""
        from opentelemetry import trace  # noqa: PLC0415  an optional dependency

        for record in records:
            found = _TRACEPARENT.fullmatch(trace_of(record) or "")
            if not found:
                continue
            parent = trace.SpanContext(int(found[1], 16), int(found[2], 16), True, trace.TraceFlags(1))
            span = self._tracer.start_span(
                f"{self._stage} {record.topic}",
                context=trace.set_span_in_context(trace.NonRecordingSpan(parent)),
                kind=trace.SpanKind.CONSUMER,
                start_time=started_ns,
                attributes={
                    "messaging.system": "kafka",
                    "messaging.destination.name": record.topic,
                    "messaging.destination.partition.id": str(record.partition),
                    "messaging.kafka.offset": record.offset,
                },
            )
            span.end(end_time=ended_ns)


@cache
def _provider(service: str) -> Any:  # noqa: ANN401  an optional dependency's type
    """The process's exporter; None when nobody collects, or the extra is not installed."""
    if not os.environ.get(ENDPOINT):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  optional
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415  optional
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  optional
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415  optional
    except ImportError:
        log.warning("no_traces", cause=f"{ENDPOINT} is set, but the extra `tracing` is not installed")
        return None
    provider = TracerProvider(resource=Resource.create({"service.name": f"rightsbus-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def spans_of(stage: str) -> Spans | None:
    """What a stage tells the collector by; None when nobody collects."""
    provider = _provider(STAGES.get(stage, stage))
    return Spans(stage, provider) if provider else None
