"""Logs: one JSON line per event, ours and the libraries', through one pipeline that blanks what may be personal."""

import logging
import logging.config
from collections.abc import Mapping, MutableMapping
from traceback import walk_tb
from typing import Any

import structlog

SENSITIVE = frozenset(
    [
        "address",
        "addresses",
        "account_number",
        "answer_token",
        "code",
        "contact",
        "declaration",
        "email",
        "emails",
        "key",
        "message",
        "name",
        "order_number",
        "order_numbers",
        "password",
        "phone",
        "phones",
        "points",
        "reply_token",
        "signed_name",
        "subject_data",
        "token",
        "tracking_number",
        "tracking_numbers",
        "value",
        "values",
    ]
)
"""Field names whose values never reach a log line, at any depth."""

BLANK = "[redacted]"
QUIET = ("aiokafka", "kafka", "httpx", "fontTools", "fpdf", "aiosmtplib")
"""Libraries whose chatter at INFO helps nobody. Faust itself stays at INFO: above it switches the root to DEBUG."""
type_event = MutableMapping[str, Any]


def redact(_logger: object, _method: str, event: type_event) -> type_event:
    """Blank every field named in SENSITIVE, however deep."""
    return {key: BLANK if key in SENSITIVE else _clean(value) for key, value in event.items()}


def _clean(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: BLANK if key in SENSITIVE else _clean(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(inner) for inner in value]
    return value


def _quiet_exception(_logger: object, _method: str, event: type_event) -> type_event:
    """Keep an exception's type and place, drop its text: libraries put data into it."""
    info = event.pop("exc_info", None)
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        frames = list(walk_tb(error.__traceback__))
        if frames:
            frame, line = frames[-1]
            event["at"] = f"{frame.f_globals.get('__name__')}.{frame.f_code.co_name}:{line}"
    return event


def _foreign(_logger: object, _method: str, event: type_event) -> type_event:
    """Libraries' lines keep their format string, not their arguments: arguments can hold records."""
    record: logging.LogRecord | None = event.get("_record")
    if record is not None and record.args:
        event["event"] = str(record.msg)
    return event


PIPELINE: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _quiet_exception,
    redact,
]


def config() -> dict[str, Any]:
    """Return the standard-library logging configuration: JSON lines on standard error, libraries from INFO on."""
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": [_foreign, structlog.stdlib.add_logger_name, *PIPELINE],
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.EventRenamer("event"),
            structlog.processors.JSONRenderer(),
        ],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {name: {"level": "WARNING"} for name in QUIET},
    }


def configure(service: str) -> None:
    """Set up logging for one process."""
    logging.config.dictConfig(config())
    structlog.configure(
        processors=[*PIPELINE, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
