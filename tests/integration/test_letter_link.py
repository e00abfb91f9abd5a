"""A link out of a letter opens the package it speaks of: the door runs beside the services."""

import io
import json
import re
import zipfile
from datetime import date
from email import message_from_bytes
from email.policy import default

import httpx
import pytest

from bench.load import Sender, Watcher, accesses
from bench.system import System
from services.directory.load import load
from services.directory.rows import person_of
from stack.sample import company
from stack.sample.people import Human, Kind

pytestmark = pytest.mark.integration

DORA = Human(
    number=990_101, brand="parcelwise", kind=Kind.CUSTOMER, name="Dora Latchkey", email="dora.latchkey@example.org",
    phone="+13035550101", street="12 Threshold Row", city="Denver", region="WY", postcode="80205",
    account="AC-990101", since=date(2025, 1, 1),
)  # fmt: skip
LINK = re.compile(r"(http://127\.0\.0\.1:\d+/package)#([0-9a-f]+)")


def link_of(system: System) -> tuple[str, str] | None:
    """The address and the code in the letter to Dora that tells of her package."""
    for file in system.found.endpoints.mail_dir.glob("*.eml"):
        letter = message_from_bytes(file.read_bytes(), policy=default)
        body = letter.get_body(("plain",))
        if DORA.email in str(letter["To"]) and body and (found := LINK.search(body.get_content())):
            return found[1], found[2]
    return None


def test_a_link_in_a_letter_hands_the_package_out_once(system: System) -> None:
    company.add(system.found.endpoints.database_url, [DORA])
    with system.found.connect() as db:
        rows = (person_of(line, row) for line, row in enumerate(company.directory_rows([DORA]), 1))
        load(db, rows, system.found.keys)
    watcher = Watcher(system)
    sender = Sender(system, watcher.seen)
    sender.send(accesses([DORA]))
    written = watcher.until(lambda _: link_of(system) is not None, 60)
    watcher.close()
    sender.close()
    assert written
    url, code = link_of(system) or ("", "")

    look = httpx.get(url, timeout=20)
    first, second = (httpx.post(url, data={"code": code}, timeout=20) for _ in range(2))

    assert (look.status_code, code in look.text) == (200, False)
    assert (first.status_code, second.status_code) == (200, 404)
    package = zipfile.ZipFile(io.BytesIO(first.content))
    [account] = json.loads(package.read("data.json"))["tables"]["accounts/account"]
    assert account["email"] == DORA.email
