"""Invariant 3, as far as decisions go: no value, token or code of a person in an event, a state or an effect."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from schemas.public import Subject
from schemas.topics import home_of, topic_of
from schemas.values import Population, Right
from services.kernel import tokens
from tests.support.scenes import Script, confirming
from tests.support.world import KEY, SOURCE, Person, Setting, World, answer_token, request_of

words = st.text("bcdfghjklmnpqrtvwxyz", min_size=9, max_size=14).map(lambda text: f"Zq{text}")
numbers = st.integers(10**9, 10**10 - 1).map(lambda number: f"90{number}")
phones = st.integers(100, 199).map(lambda number: f"+1801555{number:04}")
RIGHTS = ["delete", "access", "correct", "opt_out_sale_share", "complaint", "portability"]


@st.composite
def people(draw: st.DrawFn) -> dict[str, Any]:
    """Somebody whose every value is found nowhere else."""
    word = lambda: draw(words)  # noqa: E731  short is clear here
    return {
        "name": f"{word()} {word()}",
        "emails": [f"{word()}@{word().lower()}.example"],
        "phones": [draw(phones)],
        "addresses": [{"line1": f"12 {word()} Lane", "city": word(), "region": "WY", "postcode": "82001"}],
        "account_number": draw(numbers),
        "order_numbers": [draw(numbers)],
        "tracking_numbers": [draw(numbers)],
    }


def values_of(said: Any) -> set[str]:
    """Every text a person gave that could be told from another's."""
    if isinstance(said, dict):
        return set().union(*(values_of(value) for value in said.values()))
    if isinstance(said, list):
        return set().union(*map(values_of, said))
    return {said} if isinstance(said, str) and len(said) > 8 else set()


@given(subject=people(), more=people(), rights=st.lists(st.sampled_from(RIGHTS), min_size=1, max_size=4), text=words)
@settings(max_examples=40, deadline=None)
def test_nothing_a_person_said_is_in_any_event_state_or_effect(
    subject: dict[str, Any], more: dict[str, Any], rights: list[str], text: str
) -> None:
    owned = Person("00000000-0000-8000-8000-00000000000a", Subject.model_validate(subject))
    client = Person(
        "00000000-0000-8000-8000-00000000000b", Subject.model_validate(subject), Population.RECIPIENT, "acorn"
    )
    setting = Setting(
        people=[owned, client],
        on_request={"acorn": ["received", "completed"]},
        on_letter={
            "proof/1": lambda _, letter: {
                "request_id": letter.request_id,
                "kind": "points",
                "subject": more,
                "message": text,
            },
            "confirmation/1": confirming(yes=True),
        },
    )
    body = {
        "submission_id": "s", "source": SOURCE, "brand": "shipdesk", "rights": rights, "subject": subject,
        "message": text, "merchant_named": text,
        "corrections": [{"field": "name", "old": subject["name"], "new": more["name"]}],
        "agent": {"name": more["name"], "email": more["emails"][0]},
        "declaration": {"signed_name": subject["name"], "signed_at": "2026-03-01T12:00:00Z", "text_version": "1"},
    }  # fmt: skip
    world = World(setting)

    Script([lambda w: w.submit(body), lambda w: w.submit({**body, "brand": text})])(world, iter(()))

    secrets = values_of([subject, more, text]) | tokens_of(rights)
    seen = everything(world)
    assert [secret for secret in secrets if secret.lower() in seen] == []
    assert world.letters


def tokens_of(rights: list[str]) -> set[str]:
    """Every token and code that letters about these requests can hold."""
    found: set[str] = set()
    for right in rights:
        request = request_of("s", Right("know_specific" if right == "access" else right))
        for number in (1, 2, 3):
            found |= {
                answer_token(request, kind, number) for kind in ("confirmation", "withdrawal", "not_me", "fee_consent")
            }
            found.add(tokens.code(KEY, request, "code", number))
    return found


def everything(world: World) -> str:
    """All that lies on topics not marked personal, in states and in effects, as text."""
    events = [event for _, event in world.events.values() if topic_of(home_of(event)).personal == "no"]
    states = [state for known in world.states.values() for state in known.values()]
    effects = [{**effect.body, "name": effect.name, "lane": effect.lane} for effect in world.effects.values()]
    text = b"".join([*map(to_json, events), *map(to_json, states), *map(to_json, effects)]).decode()
    return text.lower()
