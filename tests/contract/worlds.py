"""The little company behind each kind of connector, and a way to look at its rows past the connector."""

import asyncio
import csv
import dbm.dumb
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from connectors.files import open_files
from connectors.files.formats import read
from connectors.http import open_http
from connectors.memory import Remembering
from connectors.opendsr import open_opendsr
from connectors.port import Answer, Pending, Receipt, Sink, System, Task
from connectors.sql import SqlSystem, open_sql
from connectors.sql.ledger import LEDGER
from schemas.values import Action
from tests.contract.backend import Server, Shop
from tests.contract.company import KEYS, Basket, held, rows, shop
from tests.contract.documented import the_documented_connector
from tests.contract.fake import Drawer, Memo
from tests.contract.processor import OPTIONS, Processor, authority
from tests.contract.reached import Reached

META = sa.MetaData()
_INT, _DAY = sa.Integer, sa.Date
_TEXT = sa.Text().with_variant(sa.String(200), "mysql", "mariadb")  # which cannot find a row by a text without end
_COLUMNS: dict[str, dict[str, Any]] = {
    "person": {"id": _INT, "name": _TEXT, "email": _TEXT, "card": _TEXT, "note": _TEXT},
    "invoice": {"number": _TEXT, "person_id": _INT, "issued_on": _DAY, "email": _TEXT},
    "visit": {"id": _INT, "person_id": _INT, "postcode": _TEXT, "browser": _TEXT, "pages": _INT},
    "parcel": {"id": _INT, "person_id": _INT, "client": _TEXT, "street": _TEXT, "shipped_on": _DAY},
    "delivery_time": {"id": _INT, "person_id": _INT, "client": _TEXT, "hours": _INT},
    "newsletter": {"id": _INT, "person_id": _INT, "email": _TEXT, "topic": _TEXT, "origin": _TEXT, "score": _INT,
                   "joined_on": _DAY, "born_on": _DAY, "consent": _TEXT},
    "answer": {"id": _INT, "newsletter_id": _INT, "mood": _TEXT},
    "preference": {"person_id": _INT, "no_sale": sa.Boolean, "no_ads": sa.Boolean, "closed": sa.Boolean,
                   "no_ads_at_all": sa.Boolean, "no_mail": sa.Boolean, "no_texts": sa.Boolean},
}  # fmt: skip
_REFUSED = sa.CheckConstraint("email <> 'nobody@example.org'")
TABLES = {
    name: sa.Table(
        name, META, *(sa.Column(column, kind, primary_key=column == KEYS[name], index=column.endswith("_id"),
                                nullable=column not in {"topic", "score"})
                      for column, kind in columns.items()), *([_REFUSED] if name == "person" else []),
    )
    for name, columns in _COLUMNS.items()
}  # fmt: skip


def plain(row: Mapping[str, Any]) -> dict[str, str | None]:
    """A row's values as text, and nothing where there is nothing: what any system can hold."""
    return {name: _plain(value) for name, value in row.items()}


def _plain(value: Any) -> str | None:
    if value is None or value == "":
        return None
    return str(value).lower() if str(value) in {"True", "False"} else str(value)


class World:
    """One system behind a connector."""

    can: frozenset[Action] = frozenset(Action)
    refuses = True
    system: System

    def __init__(self) -> None:
        self.runner = asyncio.Runner()

    def perform(self, tasks: Sequence[Task], sink: Sink) -> list[Answer]:
        """Give tasks, and those that are pending again, until all have ended."""
        left, answers = {task.task_id: task for task in tasks}, dict[UUID, Answer]()
        for _ in range(9):
            if left:
                told = self.runner.run(self.system.perform(list(left.values()), sink))
                answers |= {answer.task_id: answer for answer in told}
                left = {i: task for i, task in left.items() if isinstance(answers[i], Pending)}
                self.meanwhile()
        return [answers[task.task_id] for task in tasks]

    def meanwhile(self) -> None:
        """What happens elsewhere before a pending task is given again."""

    def do(self, *tasks: Task) -> list[Answer]:
        return self.perform(tasks, Basket())

    def one(self, wanted: Task) -> Receipt:
        [answer] = self.do(wanted)
        assert isinstance(answer, Receipt), answer
        return answer

    def rows(self, table: str, **where: Any) -> list[dict[str, str | None]]:
        wanted = plain(where)
        found = [plain(row) for row in self.all_rows(table)]
        some = [row for row in found if all(row.get(name) == value for name, value in wanted.items())]
        return sorted(some, key=lambda row: str(row[KEYS[table]]))

    def all_rows(self, table: str) -> Iterator[Mapping[str, Any]]:
        raise AssertionError

    def add(self, table: str, *new: Mapping[str, Any]) -> None:
        raise AssertionError

    def close(self) -> None:
        self.runner.run(self.system.close())
        self.runner.close()


def _put_in(db: sa.Connection) -> None:
    for name, some in rows().items():
        if some:
            db.execute(TABLES[name].insert(), some)


@cache
def a_filled_file() -> bytes:
    """The little company as a SQLite file; made once, for it takes time."""
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    with engine.begin() as db:
        META.create_all(db)
        _put_in(db)
    driver: Any = engine.raw_connection().driver_connection
    whole: bytes = driver.serialize()
    engine.dispose()
    return whole


class SqlWorld(World):
    """A database."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        self.system: SqlSystem = open_sql("shop", shop(), {"SHOP": url})
        self.fill()

    def fill(self) -> None:
        if self.engine.dialect.name == "sqlite":
            Path(self.engine.url.database or "").write_bytes(a_filled_file())
            return
        with self.engine.begin() as db:
            there = set(sa.inspect(db).get_table_names()) & {*TABLES, LEDGER}
            if not there:
                META.create_all(db)
            elif self.engine.dialect.name == "postgresql":
                db.execute(sa.text(f"TRUNCATE {', '.join(there)}"))
            else:
                for table in sorted(there):
                    db.execute(sa.table(table).delete())
            _put_in(db)

    def all_rows(self, table: str) -> Iterator[Mapping[str, Any]]:
        with self.engine.begin() as db:
            yield from (dict(row) for row in db.execute(sa.select(TABLES[table])).mappings())

    def add(self, table: str, *new: Mapping[str, Any]) -> None:
        with self.engine.begin() as db:
            db.execute(TABLES[table].insert(), [dict(row) for row in new])

    def close(self) -> None:
        super().close()
        self.engine.dispose()


class FilesWorld(World):
    """A folder of files, all of one format."""

    refuses = False

    def __init__(self, folder: Path, suffix: str) -> None:
        super().__init__()
        self.folder, self.suffix = folder, suffix
        for name, some in rows().items():
            self._write(name, some)
        self.system = open_files("shop", shop("files"), {"SHOP": str(folder)})

    def all_rows(self, table: str) -> Iterator[Mapping[str, Any]]:
        return read(self.folder / f"{table}{self.suffix}")

    def add(self, table: str, *new: Mapping[str, Any]) -> None:
        self._write(table, [*self.all_rows(table), *new])

    def _write(self, table: str, some: Sequence[Mapping[str, Any]]) -> None:
        ready = [{k: v.isoformat() if isinstance(v, date) else v for k, v in row.items()} for row in some]
        path = self.folder / f"{table}{self.suffix}"
        if self.suffix == ".json":
            path.write_text(json.dumps(ready), "utf-8")
        elif self.suffix == ".jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in ready), "utf-8")
        else:
            with path.open("w", encoding="utf-8", newline="") as stream:
                writer = csv.DictWriter(stream, list(_COLUMNS[table]))
                writer.writeheader()
                writer.writerows(ready)


class DocumentedWorld(World):
    """A dbm file behind the connector that docs/connectors.md writes."""

    refuses = False

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.path = str(folder / "shop")
        with dbm.dumb.open(self.path, "c") as file:
            for name, some in rows().items():
                file[name] = json.dumps(some, default=str)
        self.written = the_documented_connector(folder).open_dbm("shop", shop("dbm"), {"SHOP": self.path})
        self.system = Remembering(self.written, Memo())

    def all_rows(self, table: str) -> Iterator[Mapping[str, Any]]:
        return iter(self.written.read(table))

    def add(self, table: str, *new: Mapping[str, Any]) -> None:
        self.written.replace(table, [*self.all_rows(table), *new])


class DrawerWorld(World):
    """A system made of dictionaries: the fake other tests use."""

    def __init__(self) -> None:
        super().__init__()
        self.drawer = Drawer("shop", shop("fake"), rows())
        self.system = Remembering(self.drawer, Memo())

    def all_rows(self, table: str) -> Iterator[Mapping[str, Any]]:
        return iter(self.drawer.tables[table])

    def add(self, table: str, *new: Mapping[str, Any]) -> None:
        self.drawer.tables[table] += [dict(row) for row in new]


class HttpWorld(World):
    """An HTTP interface, which does things at once or later."""

    def __init__(self, *, later: bool) -> None:
        super().__init__()
        self.drawer = Drawer("shop", shop("fake"), rows())
        self.server = Server(Shop(self.drawer, later=later).answer)
        declared = held("http", HTTP_OPTIONS)
        self.http = open_http("shop", declared, {"SHOP": self.server.url, "SHOP_TOKEN": "Bearer sesame"})
        self.system = Remembering(self.http, Memo())

    def all_rows(self, table: str) -> Iterator[Mapping[str, Any]]:
        return iter(self.drawer.tables[table])

    def add(self, table: str, *new: Mapping[str, Any]) -> None:
        self.drawer.tables[table] += [dict(row) for row in new]

    def close(self) -> None:
        super().close()
        self.server.close()


class OpenDsrWorld(World):
    """Another company that speaks OpenDSR."""

    can = frozenset({Action.EXPORT, Action.ERASE})

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.drawer = Drawer("shop", shop("fake"), rows())
        self.processor = Processor(self.drawer)
        self.server = Server(self.processor.answer)
        authorities = folder / "authorities.pem"
        authorities.write_bytes(authority().pem)
        self.environment = {"SHOP": f"{self.server.url}/v2", "SHOP_TOKEN": "Bearer sesame",
                            "SHOP_AUTHORITIES": str(authorities)}  # fmt: skip
        self.opendsr = open_opendsr("shop", held("opendsr", OPTIONS, rights=RIGHTS), self.environment)
        self.system = Remembering(self.opendsr, Memo())

    def all_rows(self, table: str) -> Iterator[Mapping[str, Any]]:
        return iter(self.drawer.tables[table])

    def add(self, table: str, *new: Mapping[str, Any]) -> None:
        self.drawer.tables[table] += [dict(row) for row in new]

    def close(self) -> None:
        super().close()
        self.server.close()


class ParticipantWorld(World):
    """A system that reads its tasks itself."""

    def __init__(self) -> None:
        super().__init__()
        self.drawer = Drawer("shop", shop("fake"), rows())
        self.system = Reached(self.drawer, held("participant", {}))

    def all_rows(self, table: str) -> Iterator[Mapping[str, Any]]:
        return iter(self.drawer.tables[table])

    def add(self, table: str, *new: Mapping[str, Any]) -> None:
        self.drawer.tables[table] += [dict(row) for row in new]


RIGHTS = ["know_specific", "delete"]
_WHO = "/people/{{ key.person_id }}{tail}?client={{ client }}&since={{ since }}&until={{ until }}&today={{ today }}"
_JOB = {"outcomes": {202: "pending"}, "reference": "/job"}
_LOOK = {"method": "GET", "path": "/jobs/{{ reference }}"}
_READ = {"outcome": "/outcome", "count": "/counts", "retained": "/retained"} | _JOB
_TOLD = _READ | {"poll": _LOOK | _READ}
_ROWS = {"rows": {name: f"/tables/{name}" for name in TABLES if name != "preference"}} | _JOB
HTTP_OPTIONS: dict[str, Any] = {
    "record_key": "person_id",
    "headers": {"authorization": "SHOP_TOKEN"},
    "poll_s": 1,
    "find": {"method": "GET", "path": _WHO.replace("{tail}", "")},
    "erase": {"method": "DELETE", "path": _WHO.replace("{tail}", "")} | _TOLD,
    "export": {"method": "GET", "path": _WHO.replace("{tail}", "/data"), "poll": _LOOK | _ROWS} | _ROWS,
    "correct": {"method": "PATCH", "path": _WHO.replace("{tail}", ""), "body": "{{ corrections }}"} | _TOLD,
    "apply": {"path": _WHO.replace("{tail}", "/preferences"),
              "body": '{"name": {{ preference }}, "value": {{ value }}, "media": {{ media }}}'} | _TOLD,
}  # fmt: skip
