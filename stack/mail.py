"""A mail server that delivers nowhere: every message becomes one .eml file. For trying the product out.

Nobody has a mailbox at `no-mailbox.example`: what is sent there is refused for good.

`python -m stack.mail --dir FOLDER --port PORT` runs it until it is told to end.
"""

import argparse
import asyncio
import secrets
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiosmtpd.controller import UnthreadedController
from aiosmtpd.smtp import SMTP, Envelope, Session

from stack import ports, processes
from stack.errors import StackError
from stack.files import locked, private_folder, read_json, write_json

Echo = Callable[[str], None]
_LARGEST = 32 * 1024 * 1024
_READY_WITHIN_S = 20.0
NO_MAILBOX = "@no-mailbox.example"


class Sink:
    """Writes each accepted message into a folder, its envelope in two headers on top."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def handle_RCPT(self, *about: Any) -> str:  # noqa: N802, ANN401  aiosmtpd's own name and arguments
        """Take a recipient, unless nobody can have a mailbox there."""
        _server, _session, envelope, address, options = about
        if address.lower().endswith(NO_MAILBOX):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802
        """Store one message; the answer is given only once the file is complete."""
        await asyncio.to_thread(self._store, envelope)
        return "250 OK"

    def _store(self, envelope: Envelope) -> None:
        name = f"{time.time_ns()}-{secrets.token_hex(4)}.eml"
        head = f"X-MailFrom: {envelope.mail_from}\r\nX-RcptTo: {', '.join(envelope.rcpt_tos)}\r\n"
        content = envelope.content or b""
        partial = self._folder / f".{name}.part"
        partial.write_bytes(head.encode() + (content.encode() if isinstance(content, str) else content))
        partial.rename(self._folder / name)


async def serve(folder: Path, port: int) -> None:
    """Accept mail on this port until SIGTERM or SIGINT."""
    private_folder(folder)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    controller = UnthreadedController(
        Sink(folder),
        hostname=ports.LOOPBACK,
        port=port,
        loop=loop,
        data_size_limit=_LARGEST,
        enable_SMTPUTF8=True,
    )
    server = await controller._create_server()  # noqa: SLF001  begin() wants a loop that does not run yet
    async with server:
        await ended.wait()


class MailSink:
    """The mail sink as a server process of its own."""

    def __init__(self, mail_dir: Path, *, state: Path, log: Path) -> None:
        self._mail_dir = mail_dir
        self._port_file = state / "mail.json"
        self._pid_file = processes.PidFile(state / "mail.pid")
        self._log = log

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._pid_file.pid()

    @property
    def url(self) -> str:
        """Address for whoever sends mail."""
        return f"smtp://{ports.LOOPBACK}:{self._port()}"

    def start(self) -> str:
        """Start it when it does not run, return its address when it accepts mail.

        Raises:
            StackError: it does not start.
        """
        private_folder(self._mail_dir)
        with locked(self._mail_dir / ".lock"):
            if self.pid is None:
                self._start()
        return self.url

    def _start(self) -> None:
        port = ports.free_port(self._port())
        write_json(self._port_file, {"port": port})
        argv = [sys.executable, "-m", "stack.mail", "--dir", str(self._mail_dir), "--port", str(port)]
        env = processes.python_environment()
        pid = processes.launch(argv, log=self._log, env=env)
        self._pid_file.write(pid)
        ports.wait_for(lambda: ports.answers(port) or not processes.alive(pid), within_s=_READY_WITHIN_S)
        if not processes.alive(pid) or not ports.answers(port):
            message = f"the mail sink does not start. The end of {self._log}:\n{processes.tail(self._log)}"
            raise StackError(message)

    def stop(self) -> None:
        """End it; fine when it does not run."""
        if pid := self.pid:
            processes.end(pid, within_s=10)
        self._pid_file.forget()

    def kill(self) -> None:
        """End it as a crash would. For fault drills."""
        if pid := self.pid:
            processes.kill(pid)

    def _port(self) -> int | None:
        saved = read_json(self._port_file)
        return int(saved["port"]) if saved else None


def main() -> None:
    """Run the sink, as the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m stack.mail", description=__doc__)
    parser.add_argument("--dir", type=Path, required=True, help="folder for the .eml files")
    parser.add_argument("--port", type=int, required=True, help=f"port on {ports.LOOPBACK}")
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.dir, arguments.port))


if __name__ == "__main__":
    main()
