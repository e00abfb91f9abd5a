"""Hear a processor's callback: believed only after every check, and then only as a reason to look at once.

The checks come in this order: the domain is one we work with, its certificate is trusted (401 if not), the signature
fits the raw bytes (400 if not), and only then the body is read; the callback must be meant for us. OpenDSR's
specification and its security guide name different statuses for a refusal; these are the guide's.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from uuid import UUID

from connectors.opendsr.messages import Status, task_id
from connectors.opendsr.system import OpenDsrSystem
from connectors.opendsr.trust import Untrusted, header
from connectors.web import NoAnswer

MOST_BYTES: Final = 65_536


class Refused(Exception):
    """A callback is not taken: with which HTTP status, and why."""

    def __init__(self, status: HTTPStatus, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


@dataclass(frozen=True, slots=True)
class Heard:
    """A processor says that something changed."""

    system: str
    task_id: UUID
    status: str


class Ear:
    """Hears the callbacks of some processors."""

    def __init__(self, systems: Mapping[str, OpenDsrSystem]) -> None:
        self._by_domain = {system.options.domain: system for system in systems.values()}

    async def hear(self, headers: Mapping[str, str], raw: bytes) -> Heard:
        """Check a callback, and read it.

        Raises:
            Refused: it is not taken.
        """
        system = self._by_domain.get(header(headers, "processor-domain").lower())
        if system is None:
            raise Refused(HTTPStatus.UNAUTHORIZED, "unknown_domain")
        try:
            certificate = await system.certificate()
        except (Untrusted, NoAnswer) as error:
            raise Refused(HTTPStatus.UNAUTHORIZED, error.code) from None
        try:
            system.trust.check(headers, raw, certificate)
            status = Status.read(json.loads(raw))
        except (Untrusted, NoAnswer) as error:
            raise Refused(HTTPStatus.BAD_REQUEST, error.code) from None
        except ValueError:
            raise Refused(HTTPStatus.BAD_REQUEST, "not_json") from None
        if status.status_callback_url != system.options.callback_url:
            raise Refused(HTTPStatus.BAD_REQUEST, "not_for_us")
        return Heard(system.name, task_id(status.subject_request_id), status.request_status)
