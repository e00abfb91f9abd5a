"""What the last letter says of a package, in every language."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.notifier.adapters.writer import Paper, Writer
from services.packages.links import Link
from tests.support.policies import handbook

CODE = "0f" * 16
LINK = Link(CODE, datetime(2026, 3, 18, tzinfo=UTC))


def written(locale: str, package: Any) -> str:
    body = {
        "letter": "closed", "right": "know_specific", "ending": "fulfilled", "reason": None, "parts": {},
        "request_id": "r-1", "received_on": "2026-03-01", "respond_by": "2026-04-15", "granted": True,
        "law": "US-CA-CCPA", "law_why": "residence", "choice": False, "withdrawal": None, "not_me": None,
        "confirmation": None, "package": package,
    }  # fmt: skip
    brand, law = handbook().brands["parcelwise"], handbook().laws["US-CA-CCPA"]
    return Writer().write(locale, Paper(body, brand, law, "Ines Ortega", date(2026, 3, 4)))[1]


@pytest.mark.parametrize("locale", ["en-US", "fr-CA", "es-US"])
def test_a_letter_with_a_link_says_where_how_often_and_until_when(locale: str) -> None:
    link = {"url": LINK.url("https://door.example/"), "code": CODE, "until": "2026-03-18"}
    text = written(locale, {"attached": False, **link})

    assert f"\nhttps://door.example/package#{CODE}\n" in text
    assert text.count(CODE) == 2
    assert "2026-03-18" in text


@pytest.mark.parametrize("locale", ["en-US", "fr-CA", "es-US"])
def test_without_a_door_the_letter_says_to_ask_and_without_a_package_nothing(locale: str) -> None:
    asked, nothing = written(locale, package=True), written(locale, package=False)

    assert "package#" not in asked
    assert len(asked) > len(nothing)


@pytest.mark.parametrize("locale", ["en-US", "fr-CA", "es-US"])
def test_a_letter_with_the_package_says_how_it_opens_and_by_which_way_the_password_comes(locale: str) -> None:
    by_post, to_be_asked_for = (written(locale, {"attached": True, "by_post": way}) for way in (True, False))

    assert "AES" in by_post
    assert by_post != to_be_asked_for
    assert "package#" not in by_post + to_be_asked_for
