"""Asking another system over HTTP: what came back, or why nothing did. No URL, body or header reaches an error."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from connectors.port import Finding, Task, Trouble

MOST_BYTES: Final = 64 * 1_048_576
"""A larger answer is refused: exports come in pages."""
AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that may be different the next time."""
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class NoAnswer(Exception):
    """Nothing usable came back; says whether trying again may help, and after how long if the system said so."""

    def __init__(self, code: str, *, retry: bool, wait: timedelta | None = None) -> None:
        super().__init__(code)
        self.code, self.retry, self.wait = code, retry, wait

    def trouble(self, task: Task) -> Trouble:
        """The same as the answer to a task."""
        return Trouble(task.task_id, retry=self.retry, code=self.code, wait=self.wait)


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back."""

    status: int
    headers: httpx.Headers
    body: bytes

    def json(self) -> Any:  # noqa: ANN401  any JSON value
        """The body.

        Raises:
            NoAnswer: it is no JSON.
        """
        try:
            return json.loads(self.body) if self.body else None
        except ValueError:
            raise NoAnswer("not_json", retry=False) from None

    def refusal(self) -> NoAnswer:
        """This status, as the reason why there is no answer."""
        seconds = self.headers.get("retry-after", "")
        wait = timedelta(seconds=min(int(seconds), 86_400)) if seconds.isdigit() else None
        kind = "system_unavailable" if self.status in AGAIN else "system_refused"
        return NoAnswer(f"{kind}.{self.status}", retry=self.status in AGAIN, wait=wait)


class Web:
    """A client for one system. Redirects are not followed: a request is for nobody but the system named."""

    def __init__(self, base: str, *, timeout_s: float, concurrency: int, headers: Mapping[str, str]) -> None:
        self._base, self._headers = base.rstrip("/"), dict(headers)
        self._timeout = httpx.Timeout(timeout_s)
        self._limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        self._client: httpx.AsyncClient | None = None

    async def ask(
        self, method: str, path: str, *, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answered:
        """Send one request to a path below the system's address, or to a full URL of the same host.

        Raises:
            NoAnswer: the system cannot be reached, does not answer in time, or answers too much.
        """
        url = self._url(path)
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=self._timeout, limits=self._limits, headers=self._headers)
        try:
            async with self._client.stream(method, url, content=content, headers=dict(headers or {})) as answer:
                return Answered(answer.status_code, answer.headers, await _body(answer.aiter_bytes()))
        except httpx.TimeoutException:
            raise NoAnswer("timed_out", retry=True) from None
        except httpx.HTTPError:
            raise NoAnswer("system_unavailable", retry=True) from None
        except httpx.InvalidURL:
            raise NoAnswer("misconfigured", retry=False) from None

    def _url(self, path: str) -> str:
        if path.startswith("/"):
            return self._base + path
        ours, theirs = urlsplit(self._base), urlsplit(path)
        if (theirs.scheme, theirs.netloc) != (ours.scheme, ours.netloc):
            raise NoAnswer("points_elsewhere", retry=False)
        return path

    def findings(self, system: str, where: str) -> list[Finding]:
        """What is wrong with the address itself."""
        url = urlsplit(self._base)
        if url.scheme not in {"http", "https"} or not url.hostname:
            return [Finding(system, where, "is no http or https address", serious=True)]
        if url.scheme == "http" and url.hostname not in LOOPBACK:
            return [Finding(system, where, "is http: what is sent can be read on the way", serious=False)]
        return []

    async def close(self) -> None:
        """Close idle connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None


async def _body(pieces: AsyncIterator[bytes]) -> bytes:
    found = bytearray()
    async for piece in pieces:
        found += piece
        if len(found) > MOST_BYTES:
            raise NoAnswer("answer_too_large", retry=False)
    return bytes(found)
