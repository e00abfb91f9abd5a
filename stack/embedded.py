"""The whole embedded stack in one data folder: start it, find it again, stop it.

A part named by the environment is used as it is and neither started nor stopped: KAFKA_BOOTSTRAP (with
KAFKA_USERNAME, KAFKA_PASSWORD, KAFKA_CA), DATABASE_URL, SMTP_URL.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stack.broker import Broker
from stack.database import Database
from stack.endpoints import Endpoints, Login
from stack.files import locked, private_folder
from stack.mail import MailSink

Echo = Callable[[str], None]


class Embedded:
    """Kafka, PostgreSQL and a mail sink under one folder that is safe to delete once they are stopped."""

    def __init__(self, data_dir: Path, echo: Echo = print) -> None:
        self.data_dir = data_dir.expanduser().resolve()
        self._echo = echo
        logs = self.data_dir / "logs"
        self.broker = Broker(self.data_dir / "kafka", log=logs / "kafka.log", echo=echo)
        self.database = Database(self.data_dir / "postgres" / "data", echo=echo)
        self.mail = MailSink(self.data_dir / "mail", state=self.data_dir, log=logs / "mail.log")

    def start(self) -> Endpoints:
        """Start what does not run yet and say where everything is; data of an earlier run are there again.

        The servers go on running when this process ends; `stop`, from any process, ends them.

        Raises:
            StackError: a server does not start; the message says which, and why.
        """
        private_folder(self.data_dir)
        with locked(self.data_dir / ".lock"), ThreadPoolExecutor() as pool:
            kafka = pool.submit(self._kafka)
            database = pool.submit(self._database_url)
            smtp = pool.submit(self._smtp_url)
            bootstrap, admin = kafka.result()
            endpoints = Endpoints(
                data_dir=self.data_dir,
                bootstrap=bootstrap,
                admin=admin,
                database_url=database.result(),
                smtp_url=smtp.result(),
                mail_dir=self.data_dir / "mail",
                print_dir=private_folder(self.data_dir / "print"),
                keys_dir=private_folder(self.data_dir / "keys"),
                kafka_ca=os.environ.get("KAFKA_CA") or None,
            )
            endpoints.save()
        return endpoints

    def stop(self) -> None:
        """Stop what was started here, cleanly; the data stay."""
        if not self.data_dir.is_dir():
            return
        with locked(self.data_dir / ".lock"), ThreadPoolExecutor() as pool:
            for task in [pool.submit(part.stop) for part in (self.mail, self.broker, self.database)]:
                task.result()

    def _kafka(self) -> tuple[str, Login]:
        if real := os.environ.get("KAFKA_BOOTSTRAP"):
            return real, Login(os.environ.get("KAFKA_USERNAME", ""), os.environ.get("KAFKA_PASSWORD", ""))
        self.broker.start()
        return self.broker.bootstrap, self.broker.admin

    def _database_url(self) -> str:
        return os.environ.get("DATABASE_URL") or self.database.start()

    def _smtp_url(self) -> str:
        return os.environ.get("SMTP_URL") or self.mail.start()
