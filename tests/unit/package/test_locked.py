"""A package behind a password."""

import io
import re
import zipfile
from datetime import date

import pytest

from services.kernel.tokens import package_password
from services.packages.locked import MOST_BYTES, fits, lock
from services.packages.stored import About
from tests.support.locked import WrongPassword, opened

DAY = date(2026, 3, 2)
INSIDE = b"PK\x03\x04 Erika Mustermann, 12 Elm Street" * 4_000
KEY = b"k" * 32


def locked() -> bytes:
    return lock([INSIDE[:1_000], INSIDE[1_000:]], len(INSIDE), "one two three", DAY)


def test_its_password_opens_it() -> None:
    assert opened(locked(), "one two three") == INSIDE


def test_another_password_does_not() -> None:
    with pytest.raises(WrongPassword):
        opened(locked(), "one two four")


def test_nothing_of_the_content_can_be_read_without_it() -> None:
    with zipfile.ZipFile(io.BytesIO(locked())) as whole:
        names = whole.namelist()

    assert names == ["data.zip"]
    assert b"Erika" not in locked()


def test_the_same_package_is_locked_with_another_salt_each_time() -> None:
    assert locked() != locked()


def test_a_password_is_a_requests_own_long_and_can_be_typed() -> None:
    first, second = package_password(KEY, "request 1"), package_password(KEY, "request 2")

    assert re.fullmatch(r"[A-Z2-7]{4}(-[A-Z2-7]{4}){4}", first)
    assert first != second
    assert first == package_password(KEY, "request 1")


def test_what_mail_servers_would_refuse_is_not_attached() -> None:
    about = [About("r", "own", size, "", 1, "2026-03-02T12:00:00+00:00") for size in (MOST_BYTES, MOST_BYTES + 1)]

    assert [fits(one) for one in about] == [True, False]
