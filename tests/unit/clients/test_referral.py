from typing import Any

import pytest
import yaml

from services.notifier.adapters.contents import account
from services.notifier.adapters.post import _referred
from tests.support.source import ROOT

LETTERS = ROOT / "services" / "notifier" / "letters"
ACORN = {"acorn": "Acorn Goods, privacy@acorn.example"}


def words(language: str) -> dict[str, Any]:
    return dict(yaml.safe_load((LETTERS / language / "words.yaml").read_text("utf-8")))


def ended(outcome: str) -> dict[str, Any]:
    return {"client:acorn/handover": {"outcome": outcome, "counts": {}}}


@pytest.mark.parametrize("language", ["en", "fr", "es"])
def test_who_is_referred_to_a_merchant_is_told_whom_to_ask(language: str) -> None:
    [line] = account(ended("referred"), words(language), ACORN)

    assert ACORN["acorn"] in line


@pytest.mark.parametrize("outcome", ["completed", "refused", "failed", "not_ours"])
def test_a_merchant_that_was_handed_the_request_stays_the_sender_of_the_parcel(outcome: str) -> None:
    [line] = account(ended(outcome), words("en"), ACORN)

    assert "Acorn" not in line
    assert line.startswith("The sender of your parcel")


def test_a_merchant_taken_out_meanwhile_is_referred_to_without_a_name() -> None:
    [line] = account(ended("referred"), words("en"))

    assert line == "The sender of your parcel: please ask them directly."


def test_only_merchants_a_letter_refers_to_are_looked_up() -> None:
    parts = ended("referred") | {
        "client:birch/handover": {"outcome": "completed"},
        "own/system:web": {"outcome": "erased"},
    }

    assert _referred({"parts": parts}) == {"acorn"}
    assert _referred({}) == set()
