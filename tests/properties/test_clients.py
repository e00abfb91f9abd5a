"""Whatever clients say, in whatever order it is heard: each part ends once, and nobody sees what is another's."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid5

from hypothesis import given, settings
from hypothesis import strategies as st

from rules import parts
from schemas.clients import ClientHeard
from schemas.events import ClientMessageBase, ClientRequest, ClientResult, RequestAmended, RequestClosed
from schemas.public import Subject
from schemas.values import Mode, Outcome, Population, Right
from services.fulfiller.decide import Fulfilment
from services.fulfiller.decide.state import Part
from services.kernel import tokens
from tests.support.invariants import check_end, events
from tests.support.orders import ORDERS, Order
from tests.support.scenes import ADA, adding, asks, deciding
from tests.support.world import Person, Setting, World, reply_token, request_of

CLIENTS = ("acorn", "birch", "cedar", "dogwood")
MODES = {
    "acorn": Mode.FORWARD,
    "birch": Mode.ACT_FOR_ME,
    "cedar": Mode.REFER_ONLY,
    "dogwood": Mode.ACT_FOR_ME,
}
OURS = {Outcome.FAILED, Outcome.SKIPPED, Outcome.DENIED, Outcome.WITHDRAWN, Outcome.EXPIRED}
"""Ends that a client's own word may still set right."""
Act = Callable[[World], None]


def canary(client: str) -> str:
    return f"CANARY-{client.upper()}"


def person(client: str, number: int) -> Person:
    """Ada as this client knows her: an order number, and a phone, that no other client has."""
    says = Subject(
        name=ADA["name"], emails=ADA["emails"], phones=[f"+1801555010{number}"], order_numbers=[canary(client)]
    )
    return Person(f"00000000-0000-8000-8000-00000000c00{number}", says, Population.RECIPIENT, client)


PEOPLE = [person(client, number) for number, client in enumerate(CLIENTS)]
OWN = Person(
    "00000000-0000-8000-8000-00000000000a",
    Subject(name=ADA["name"], emails=ADA["emails"], phones=["+18015550199"], account_number="CANARY-ACCOUNT"),
)
SAID = {
    "name": ADA["name"],
    "emails": ADA["emails"],
    "phones": ["+18015550199", *(f"+1801555010{n}" for n in range(len(CLIENTS)))],
    "order_numbers": [canary(client) for client in CLIENTS[:3]],
    "account_number": "CANARY-ACCOUNT",
}
RIGHTS = (Right.DELETE, Right.CORRECT, Right.KNOW_SPECIFIC, Right.OPT_OUT_SALE_SHARE)


def writing(right: Right, client: str, kind: str, signs_as: str, copy: int) -> Act:
    """A client replies, with its own token or with another's."""
    request = request_of("s", right)
    token = reply_token(parts.handover(signs_as), request, signs_as)
    more = {"reason": "not_a_customer"} if kind == "refused" else {}
    body = {"client": client, "handover_id": request, "request_id": request, "reply_token": token, "type": kind}
    return lambda world: world.reply({**body, **more}, copy=copy)


def hearing(right: Right, client: str, said: Any) -> Act:
    """A client is heard by another way, or cannot be reached."""
    request = request_of("s", right)

    def act(world: World) -> None:
        told = ClientHeard(
            event_id=uuid5(tokens.case_id(b"k", request, client), said), occurred_at=world.now, request_id=request,
            case_id=request, client=client, said=said, by="delivery",
        )  # fmt: skip
        world.append("privacy.client-heard", request, told)

    return act


def passing(days: int) -> Act:
    return lambda world: world.run_out(iter(()), world.now + timedelta(days=days))


KINDS = ("received", "instruct", "completed", "refused", "not_ours")


def acts(right: Right) -> st.SearchStrategy[list[Act]]:
    client = st.sampled_from(CLIENTS)
    one = st.one_of(
        st.builds(writing, st.just(right), client, st.sampled_from(KINDS), client, st.integers(0, 2)),
        st.builds(lambda c, k: writing(right, c, k, c, 0), client, st.sampled_from(KINDS)),
        st.builds(hearing, st.just(right), client, st.sampled_from(("received", "completed", "unreachable"))),
        st.builds(passing, st.integers(1, 20)),
        st.builds(
            lambda c, verb: deciding("s", right, verb, part=parts.handover(c), reason="suspected_fraud"), client,
            st.sampled_from(("retry", "skip", "done", "deny")),
        ),
        st.just(adding("s", right, order_numbers=[canary("dogwood")])),
        st.just(deciding("s", right, "withdraw")),
    )  # fmt: skip
    return st.lists(one, max_size=12)


@st.composite
def plays(draw: st.DrawFn) -> tuple[Right, list[Act], frozenset[str]]:
    right = draw(st.sampled_from(RIGHTS))
    return right, draw(acts(right)), frozenset(draw(st.sets(st.sampled_from(CLIENTS), max_size=1)))


def race(world: World, right: Right, chosen: Order, more: list[Act], seen: "Ends") -> None:
    choices = iter(chosen)
    corrections = [{"field": "name", "new": "CANARY-NEW"}] if right is Right.CORRECT else []
    world.submit(asks("s", right, subject=SAID, corrections=corrections))
    for act in more:
        act(world)
        for _ in range(next(choices, 5) % 7):
            actions = world.actions()
            if actions:
                world.act(actions[next(choices, 0) % len(actions)])
            seen.look(world)
    world.run_out(choices, at_rest=seen.look)


class Ends:
    """How each part ended, as it was first and later seen."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], Part] = {}

    def look(self, world: World) -> None:
        for state in world.states["fulfiller"].values():
            assert isinstance(state, Fulfilment)
            for name, part in state.parts.items():
                before = self._seen.get((state.id, name))
                if part.end is None:
                    assert before is None, f"{name} had ended and goes on"
                    continue
                if before is not None and before.end is not None and before.end != part.end:
                    assert before.end.outcome in OURS, f"{name} ended twice"
                    assert part.end.outcome not in OURS
                self._seen[state.id, name] = part


@given(play=plays(), chosen=ORDERS, inbox=st.booleans())
@settings(max_examples=80, deadline=None)
def test_each_part_ends_once_whatever_clients_say_and_whenever_it_is_heard(
    play: tuple[Right, list[Act], frozenset[str]], chosen: Order, inbox: bool
) -> None:
    right, more, disabled = play
    world, seen = World(Setting([OWN, *PEOPLE], MODES, disabled), inbox=inbox), Ends()

    race(world, right, chosen, more, seen)

    check_end(world)
    closed = {event.request_id: set(event.parts) for event in events(world, RequestClosed)}
    for state in world.states["fulfiller"].values():
        assert isinstance(state, Fulfilment)
        assert state.accepted is None or closed[state.id] == set(state.parts)
    assert {a.end.outcome for a in events(world, RequestAmended) if a.part != parts.REVIEW} & OURS == set()


@given(play=plays(), chosen=ORDERS)
@settings(max_examples=80, deadline=None)
def test_no_client_is_told_anything_of_another_or_of_the_persons_own_account(
    play: tuple[Right, list[Act], frozenset[str]], chosen: Order
) -> None:
    right, more, disabled = play
    world = World(Setting([OWN, *PEOPLE], MODES, disabled))

    race(world, right, chosen, more, Ends())

    for message in events(world, ClientMessageBase):
        told = message.model_dump_json()
        others = {canary(client) for client in CLIENTS if client != message.client} | {"CANARY-ACCOUNT"}
        phones = {f"555010{number}" for number, client in enumerate(CLIENTS) if client != message.client} | {"5550199"}
        assert not {word for word in others | phones if word in told}
        assert "CANARY-NEW" not in told or (right is Right.CORRECT and isinstance(message, ClientRequest))
        if isinstance(message, ClientResult):
            assert {parts.client_of(name) for name in message.parts} <= {message.client}
