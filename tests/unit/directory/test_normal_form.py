"""What was said lies with its normal form beside it: whoever reads it gets the same points, and need not make them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import normalise
from schemas.public import RequestSubmitted, Subject
from services.directory import offered as module
from services.directory.offered import Offered, offered, offered_in, with_normal_form, without_points

SUBJECT = Subject.model_validate(
    {
        "name": "Zoë Quill", "emails": ["Zoe.Quill+x@example.org"], "phones": ["(801) 555-0142"],
        "account_number": "00-7",
        "addresses": [{"line1": "842 E 1700 S Apt 4", "city": "Salt Lake City", "region": "UT", "postcode": "84105"}],
        "transactions": [{"on": "2026-01-02", "amount": "12.00"}],
    }
)  # fmt: skip
KEPT = with_normal_form(SUBJECT, offered(SUBJECT))
words = st.text(st.sampled_from("abcé 0123.@+-"), min_size=1, max_size=12)


def unable(*_: Any, **__: Any) -> Any:
    raise AssertionError


def test_the_normal_form_is_read_and_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = offered(SUBJECT)
    monkeypatch.setattr(module, "normalise", unable)

    assert offered_in(KEPT, "US") == expected
    assert Subject.model_validate_json(KEPT) == SUBJECT


@given(st.lists(words, max_size=3), words)
def test_whatever_is_said_the_points_are_the_same(numbers: list[str], name: str) -> None:
    said = Subject.model_construct(name=name, order_numbers=numbers, emails=[f"{name.strip('@ ')}@example.org"])

    assert offered_in(with_normal_form(said, offered(said)), "US") == offered(said)


@pytest.mark.parametrize("change", ["older", "absent", "asked by earlier rules"])
def test_it_is_made_anew_where_other_rules_wrote_it_or_none(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = json.loads(KEPT)
    raw["normal"] = {"older": raw["normal"] | {"rules": 0, "points": []}}.get(change)
    if change == "asked by earlier rules":
        raw = json.loads(KEPT)
        monkeypatch.setitem(normalise.EARLIER, 0, lambda *_: ())

    found = offered_in(json.dumps(raw).encode(), "US")
    assert found == offered(SUBJECT)
    assert isinstance(found, Offered)
    assert found.points


@pytest.mark.parametrize("given", [{"account_number": "00-7"}, {"name": "Zoë Quill", "phones": ["+18015550142"]}])
def test_a_submission_without_its_points_can_still_be_read(given: dict[str, Any]) -> None:
    body = {"submission_id": "s-1", "source": "webform", "brand": "parcelwise", "rights": ["delete"], "subject": given}
    raw = RequestSubmitted.model_validate(body).model_dump_json().encode()

    left = RequestSubmitted.model_validate_json(without_points(raw))
    assert left.subject.model_dump(exclude_defaults=True) == {n: v for n, v in given.items() if n == "name"}
