"""Logs: one JSON line per event, ours and the libraries', through one pipeline that blanks what may be personal."""

import logging
import logging.config
import sys
import threading
from collections.abc import Mapping, MutableMapping
from datetime import date, timedelta
from enum import Enum
from traceback import walk_tb
from typing import Any, Final
from uuid import UUID

import structlog

SENSITIVE: Final = frozenset(
    "account_number address addresses answer_token birth_date body city code contact contacts corrections declaration "  # noqa: SIM905  one line to read
    "email emails given_name headers key line1 line2 mandate message name names notes order_number "
    "order_numbers password payload period phone phones points postcode record reply_token secret signed_name street "
    "subject subject_data subjects text token tracking_number tracking_numbers transactions url value values".split()
)
"""Field names whose values never reach a log line, at any depth."""

BLANK: Final = "[redacted]"
_PLAIN: Final = (str, int, float)
_PRINTED: Final = (UUID, date, timedelta)
_LONGEST: Final = 200
QUIET: Final = ("aiokafka", "kafka", "httpx", "fontTools", "fpdf", "aiosmtplib")
"""Libraries whose chatter at INFO helps nobody. Faust itself stays at INFO: above it switches the root to DEBUG."""
TELLING: Final = "aiokafka.consumer.fetcher"
"""Says at INFO that messages were gone before they were read."""
type_event = MutableMapping[str, Any]


def redact(_logger: object, _method: str, event: type_event) -> type_event:
    """Blank every field named in SENSITIVE, however deep; of anything that is no plain value keep the class."""
    return {
        key: BLANK if _sensitive(key) else value if key == "_record" else _clean(value) for key, value in event.items()
    }


def _sensitive(key: object) -> bool:
    return str(key).lower() in SENSITIVE


def _clean(value: object) -> object:
    if isinstance(value, Enum):
        return _clean(value.value)
    if value is None or isinstance(value, _PLAIN):
        return value
    if isinstance(value, _PRINTED):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): BLANK if _sensitive(key) else _clean(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(inner) for inner in value]
    return type(value).__name__


def _quiet_exception(_logger: object, _method: str, event: type_event) -> type_event:
    """Keep an exception's type and place and those of its cause, drop their texts: libraries put data into them."""
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error"], event["at"] = type(error).__name__, _place(error)
        if error.__cause__:
            event["cause"], event["cause_at"] = type(error.__cause__).__name__, _place(error.__cause__)
    event.pop("stack_info", None)
    return event


def _place(error: BaseException) -> str | None:
    frames = list(walk_tb(error.__traceback__))
    if not frames:
        return None
    frame, line = frames[-1]
    return f"{frame.f_globals.get('__name__')}.{frame.f_code.co_name}:{line}"


def _foreign(_logger: object, _method: str, event: type_event) -> type_event:
    """Of a library's line keep the first line of its pattern: what it fills in, or adds below, can hold records."""
    text = event["_record"].msg
    event["event"] = text.partition("\n")[0][:_LONGEST] if isinstance(text, str) else type(text).__name__
    return event


class Calm(logging.Filter):
    """Lets a library say the same thing once in a while: a broker that is away is told of ten times a second."""

    def __init__(self, every_s: float = 5.0) -> None:
        super().__init__()
        self._every_s = every_s
        self._said: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Let our own lines pass, and a library's when the like of it was not said lately."""
        if isinstance(record.msg, Mapping):
            return True
        place = record.pathname, record.lineno
        lately = record.created - self._said.get(place, 0.0) < self._every_s
        if not lately:
            self._said[place] = record.created
        return not lately


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
        "use_get_message": False,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
        ],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": formatter},
        "filters": {"calm": {"()": Calm}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["calm"]}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {name: {"level": "WARNING"} for name in QUIET} | {TELLING: {"level": "INFO"}},
    }


def configure(service: str) -> None:
    """Set up logging for one process."""
    logging.config.dictConfig(config())
    logging.captureWarnings(True)
    threading.excepthook = lambda crash: structlog.get_logger().error("thread_crashed", exc_info=crash.exc_value)
    structlog.configure(
        processors=[*PIPELINE, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
