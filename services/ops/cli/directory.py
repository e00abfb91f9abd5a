"""Commands about the directory: load people, tell changes as they happen, forget, count, rotate its keys."""

import asyncio
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import psycopg
import typer

from rules.table import Row
from schemas import wire
from schemas.directory import PersonGone, PersonSeen
from services.directory import lookup
from services.directory.change import tell
from services.directory.digests import Digests
from services.directory.load import load
from services.directory.person import Person, WrongRow, person_of
from services.directory.rotate import destroy_older, older_epochs, rotate
from services.directory.rows import read_rows
from services.directory.stats import stats
from services.kernel.clock import Clock, new_id
from services.kernel.errors import Misconfigured
from services.kernel.keys import SUPPRESSED, FileKeyStore, KeyStore
from services.kernel.policies import load_handbook
from services.ops.cli.common import DEFAULT_DATA, AsJson, Data, bar, installation, show
from services.ops.installation import Installation
from services.ops.kafka import Publisher

MOST_TOLD = 20
"""Wrong rows that are named; more are only counted."""
AT_ONCE = 500
directory_app = typer.Typer(no_args_is_help=True, help="Keep the directory of people.")
File = Annotated[Path, typer.Argument(help="CSV with a header, or JSON lines; - reads standard input")]
SkipWrong = Annotated[
    bool, typer.Option("--skip-wrong", help="name wrong rows and leave them out; else the first ends it")
]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    for name, command in (("load", load_file), ("digest", digest), ("forget", forget), ("stats", show_stats),
                          ("rotate-keys", rotate_keys)):  # fmt: skip
        directory_app.command(name)(command)
    app.add_typer(directory_app, name="directory")


class Rows:
    """The rows of a file; wrong ones end the reading, or are named and counted."""

    def __init__(self, file: Path, *, skip_wrong: bool) -> None:
        if str(file) != "-" and not file.is_file():
            raise Misconfigured(f"there is no file {file}")
        self._file, self._skip = file, skip_wrong
        self.wrong = 0

    def __len__(self) -> int:
        """How many lines there are, roughly; 0 when that cannot be known beforehand."""
        if str(self._file) == "-":
            return 0
        with self._file.open("rb") as stream:
            return sum(1 for _ in stream)

    def __iter__(self) -> Iterator[tuple[int, Row]]:
        """Read them."""
        return read_rows(None if str(self._file) == "-" else self._file)

    def failed(self, error: WrongRow) -> None:
        """A row is wrong.

        Raises:
            WrongRow: that ends it.
        """
        if not self._skip:
            raise error
        self.wrong += 1
        if self.wrong <= MOST_TOLD:
            typer.echo(f"left out: {error}", err=True)


def load_file(file: File, data: Data = DEFAULT_DATA, *, skip_wrong: SkipWrong = False, as_json: AsJson = False) -> None:
    """Load people from CSV or JSON lines; loading the same file again changes nothing.

    A row is one record of one person in one system: brand, population, system, link (records of one link are one
    person), client for recipients; record_keys for the connector; and the values people are known by.
    """
    found, rows = installation(data), Rows(file, skip_wrong=skip_wrong)
    with bar(hidden=as_json) as progress, found.connect() as db:
        task = progress.add_task("loading", total=len(rows) or None)
        try:
            loaded = load(db, _people(rows, found), found.keys, progress=lambda count: progress.advance(task, count))
        except WrongRow as error:
            raise Misconfigured(f"{error}; whole chunks before it are loaded, and loading again is safe") from None
    told = {"rows": loaded.rows, "new": loaded.new, "changed": loaded.changed, "left_out_deleted": loaded.left_out,
            "left_out_wrong": rows.wrong}  # fmt: skip
    if as_json:
        typer.echo(json.dumps(told))
        return
    typer.echo(", ".join(f"{count} {name.replace('_', ' ')}" for name, count in told.items()))


def _people(rows: Rows, found: Installation) -> Iterator[Person]:
    """The people of rows, of brands and systems that exist: a misspelt one would be looked up by nobody."""
    known = {"brand": sorted(load_handbook(found.policies).brands), "system": sorted(found.systems().systems)}
    for line, row in rows:
        try:
            person = person_of(line, row)
            for column, value in (("brand", person.brand), ("system", person.system)):
                if value not in known[column]:
                    raise WrongRow(line, column, f"must be one of {', '.join(known[column])}")
        except WrongRow as error:
            rows.failed(error)
        else:
            yield person


def digest(
    file: File,
    data: Data = DEFAULT_DATA,
    *,
    keys: Annotated[Path | None, typer.Option(help="folder of the keys, where there is no installation")] = None,
    gone: Annotated[bool, typer.Option("--gone", help="these records are no more")] = False,
    send: Annotated[bool, typer.Option("--send", help="publish them, keyed; else they are printed")] = False,
    skip_wrong: SkipWrong = False,
) -> None:
    """Turn rows into sealed changes for privacy.directory: what a loader next to the source tells as it happens.

    Prints one JSON event a line; publish each under its `subject` as key, so that one person's changes keep order.
    """
    store: KeyStore = FileKeyStore(keys) if keys else installation(data).keys
    changes = _changes(Rows(file, skip_wrong=skip_wrong), store, gone=gone)
    if not send:
        for change in changes:
            sys.stdout.write(change.model_dump_json() + "\n")
        return
    typer.echo(f"{_publish(installation(data), changes)} changes told")


def _changes(rows: Rows, store: KeyStore, *, gone: bool) -> Iterator[PersonSeen | PersonGone]:
    digests, clock = Digests(store), Clock()
    for numbered in rows:
        try:
            yield (
                tell(PersonGone, numbered, digests, event_id=new_id(), now=clock())
                if gone
                else tell(PersonSeen, numbered, digests, event_id=new_id(), now=clock())
            )
        except WrongRow as error:
            rows.failed(error)


def _publish(found: Installation, changes: Iterable[PersonSeen | PersonGone]) -> int:
    publisher, batch, told = Publisher(found.access("ops")), list[Any](), 0
    try:
        for change in changes:
            topic, _, value, headers = wire.encode(change, source="rightsbus/ops")
            batch.append((topic, change.subject.encode(), value, headers))
            if len(batch) == AT_ONCE:
                publisher.send_all(batch)
                told, batch = told + len(batch), []
        publisher.send_all(batch)
    finally:
        publisher.close()
    return told + len(batch)


def forget(
    subjects: Annotated[list[str], typer.Argument(help="references of people, as events name them")],
    data: Data = DEFAULT_DATA,
) -> None:
    """Delete people from the directory: records, index, contacts. Their systems keep what they hold."""
    try:
        known = [str(UUID(subject)) for subject in subjects]
    except ValueError:
        raise typer.BadParameter("must be references such as events carry: UUIDs", param_hint="SUBJECTS") from None

    async def run(url: str) -> int:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
            return len(await lookup.forget(conn, known))

    count = asyncio.run(run(installation(data).endpoints.database_url))
    typer.echo(f"{count} of {len(known)} people forgotten")
    if count < len(known):
        raise typer.Exit(1)


def show_stats(data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """Count people by brand and population, and by the key and rules they are found under."""
    with installation(data).connect() as db:
        found = stats(db)
    if as_json:
        typer.echo(json.dumps(found, default=str))
        return
    show(found["people"], as_json=False, title="people")
    show(found["versions"], as_json=False, title="found under")
    typer.echo(f"{found['digests']:,} digests, {found['suppressions']:,} preferences, {found['bytes'] / 1e6:,.1f} MB")


def rotate_keys(
    data: Data = DEFAULT_DATA,
    *,
    destroy: Annotated[
        bool, typer.Option("--destroy", help="destroy older keys afterwards: backups under them open no more")
    ] = False,
) -> None:
    """Make the index anew under a new key and by today's rules, while it is in use; goes on where one was cut off."""
    found = installation(data)
    with bar() as progress, found.connect() as db:
        task = progress.add_task("changing over", total=None)
        turned = rotate(db, found.keys, progress=lambda done, of: progress.update(task, completed=done, total=of))
        gone = destroy_older(db, found.keys) if destroy else []
    version = turned.version
    typer.echo(
        f"{turned.people} people changed over; all are found under key {version.key}, rules {version.normaliser}"
    )
    typer.echo(f"destroyed: {', '.join(gone) or 'nothing'}" if destroy else _HINT)
    if destroy and (kept := older_epochs(found.keys, SUPPRESSED)):
        typer.echo(f"kept: {', '.join(kept)}; people who are gone are remembered under them")


_HINT = "older keys still open backups and changes under way; --destroy ends that, once the topic has kept none of them"
