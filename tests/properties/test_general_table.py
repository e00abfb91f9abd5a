"""Specific pieces that nobody could prove become the brand's general table: the same bytes, record or none."""

from datetime import timedelta

import pytest

from schemas.values import Right
from services.notifier.adapters.writer import Paper, Writer
from tests.support.scenes import ADA, asks, own
from tests.support.world import START, Setting, World, request_of

CALIFORNIA = {"country": "US", "region": "CA"}
ACCESS = Right.KNOW_SPECIFIC
HELD = {"nobody": Setting(), "somebody": Setting(people=[own()])}
OFFERS = {
    "a mail address": {"emails": ADA["emails"]},
    "a phone number": {"phones": ADA["phones"]},
}


def last_letter(setting: Setting, subject: dict[str, object], locale: str) -> tuple[bytes, dict[str, object]]:
    world = World(setting)
    world.submit(asks("s", "access", subject=subject, residence=CALIFORNIA, locale=locale))
    world.run_out(iter(()), START + timedelta(days=60))
    at, effect = world.letters[f"{request_of('s', ACCESS)}/end"]
    body = {**effect.body, "request_id": effect.request_id, "withdrawal": None, "not_me": None}
    brand = world.handbook.brands[effect.body["brand"]]
    paper = Paper(body, brand, world.handbook.laws.get(effect.body["law"]), "Ada Quill", at.date())
    subject_line, text = Writer().write(locale, paper)
    return f"{subject_line}\n{text}".encode(), {"to": effect.body["to"], "at": at}


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
@pytest.mark.parametrize("locale", ["en-US", "es-US", "fr-CA"])
def test_the_general_table_is_the_same_bytes_at_the_same_moment_with_and_without_a_record(offer, locale) -> None:
    without, with_one = (last_letter(setting, offer, locale) for setting in HELD.values())

    assert without == with_one
    assert len(without[0]) > 1_500
