"""Somebody else's servers: the little company behind an HTTP interface of its own, and behind OpenDSR."""

import json
import threading
from collections.abc import Callable
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

from connectors.account import open_accounts
from connectors.port import CorrectionTask, Receipt, Task
from schemas.values import Action, Medium, Outcome, Right
from tests.contract.company import NOBODY
from tests.contract.fake import Drawer

Reply = tuple[int, Any]


class Server:
    """A web server of this process; `answer` says what comes back. `seen` are method and path of each request."""

    def __init__(self, answer: Callable[[str, str, dict[str, str], Any], Reply]) -> None:
        seen = self.seen = list[tuple[str, str]]()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                size = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(size)) if size else None
                seen.append((self.command, self.path))
                status, told = answer(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                told, more = told if isinstance(told, tuple) else (told, {})
                raw = told if isinstance(told, bytes) else json.dumps(told, default=str).encode()
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815  the library's names

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


MARKS = {
    "no_sale": Right.OPT_OUT_SALE_SHARE,
    "no_ads": Right.OPT_OUT_TARGETED_ADS,
    "closed": Right.DEACTIVATE,
    "no_ads_at_all": Right.OPT_OUT_MARKETING,
}


class Shop:
    """The little company's own interface. With `later` it takes jobs on, and has them done at the second look."""

    def __init__(self, drawer: Drawer, *, later: bool) -> None:
        self.drawer, self.later = drawer, later
        self.jobs: dict[str, list[Any]] = {}

    def answer(  # noqa: PLR0911  one answer per request
        self, method: str, path: str, headers: dict[str, str], body: Any
    ) -> Reply:
        url = urlsplit(path)
        query = {name: some[0] for name, some in parse_qs(url.query).items()}
        parts = [unquote(part) for part in url.path.split("/")[1:]]
        if headers.get("authorization") != "Bearer sesame":
            return 401, None
        match method, parts:
            case "GET", [""]:
                return 200, {}
            case "GET", ["jobs", job]:
                return self._job(job)
            case "GET", ["people", person]:
                return (200 if self._known(person, query) else 404), None
            case "GET", ["people", person, "data"]:
                return self._sooner_or_later(lambda: self._data(person, query))
            case "DELETE", ["people", person]:
                return self._sooner_or_later(lambda: self._told(self._task(Action.ERASE, person, query)))
            case "PATCH", ["people", person]:
                if NOBODY in body.values():
                    return 422, {"error": {"message": f"{NOBODY} is nobody"}}
                corrections = tuple(CorrectionTask(field, new) for field, new in body.items())
                return self._told(self._task(Action.CORRECT, person, query, corrections=corrections))
            case "POST", ["people", person, "preferences"]:
                right = MARKS[body["name"]]
                chosen = right if body["value"] else Right.OPT_IN_SALE
                media = tuple(map(Medium, body["media"]))
                return self._told(self._task(Action.APPLY, person, query, preference=chosen, media=media))
        return 404, None

    def _sooner_or_later(self, work: Callable[[], Reply]) -> Reply:
        if not self.later:
            return work()
        job = f"j{len(self.jobs)}"
        self.jobs[job] = [2, work]
        return 202, {"job": job}

    def _job(self, job: str) -> Reply:
        left, work = self.jobs[job]
        self.jobs[job][0] = left - 1
        return work() if left <= 1 else (202, {"job": job})

    def _known(self, person: str, query: dict[str, str]) -> bool:
        [receipt] = self.drawer.work.receipts([self._task(Action.ERASE, person, query)])
        return receipt.outcome is not Outcome.NOT_FOUND

    def _task(self, action: Action, person: str, query: dict[str, str], **more: Any) -> Task:
        days = {name: date.fromisoformat(query[name]) for name in ("since", "until", "today") if query.get(name)}
        client, keys = query.get("client"), ({"person_id": person},)
        return Task(uuid4(), "theirs", "shop", action, **{"keys": keys, "client": client, **days, **more})

    def _told(self, task: Task) -> Reply:
        receipt = self.drawer.change(task)
        return (404, None) if receipt.outcome is Outcome.NOT_FOUND else (200, told(receipt))

    def _data(self, person: str, query: dict[str, str]) -> Reply:
        found = {name: raw(self.drawer, name, rows)
                 for name, rows in exported(self.drawer, self._task(Action.EXPORT, person, query)).items()}  # fmt: skip
        return 200, {"tables": {name: found.get(name, []) for name in self.drawer.tables}}


def told(receipt: Receipt) -> dict[str, Any]:
    """A receipt in JSON."""
    kept = [retained.model_dump(mode="json") for retained in receipt.retained]
    return {"outcome": receipt.outcome.value, "counts": dict(receipt.counts), "retained": kept}


def exported(drawer: Drawer, task: Task) -> dict[str, list[dict[str, Any]]]:
    """What a task exports, by table."""
    found: dict[str, list[dict[str, Any]]] = {}
    for chunks in drawer.work.export([task], open_accounts([task])):
        for chunk in chunks:
            found.setdefault(chunk.table, []).extend(dict(row) for row in chunk.rows)
    return found


def raw(drawer: Drawer, table: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with everything in them: what is never to be shown is for our own side to leave out."""
    secret = {row["name"]: row["card"] for row in drawer.tables["person"]}
    return [row | {"card": secret[row["name"]], "note": "of theirs"} for row in rows] if table == "person" else rows
