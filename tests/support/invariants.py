"""What must hold of a world whenever it has come to rest, and what more when its time has run out."""

from collections import Counter
from typing import Any

from rules import parts
from schemas.events import (
    ClientRequest,
    DecisionApplied,
    OperatorDecided,
    PartWaiting,
    RequestAccepted,
    RequestClosed,
    RequestSettled,
    RequestVerified,
    TaskAssigned,
    VerificationFailed,
)
from schemas.public import RequestStatusChanged
from schemas.values import FINAL
from services.fulfiller.decide.state import Fulfilment
from services.verifier.decide import Verification
from tests.support.world import World


def events(world: World, *kinds: type[Any]) -> list[Any]:
    """The events told so far of these classes, each once."""
    return [event for _, event in world.events.values() if isinstance(event, kinds)]


def check(world: World) -> None:
    """At rest: nothing is lost or stuck, nobody was told two ends, nothing was asked twice."""
    for request in events(world, RequestAccepted):
        state = world.states["fulfiller"].get(request.request_id)
        assert isinstance(state, Fulfilment), "an accepted request is unknown to who must fulfil it"
        _check_parts(world, state)
    _check_ends(world)
    _check_statuses(world)
    _check_clients(world)


def check_end(world: World) -> None:
    """When time has run out: every request is closed, every decision has one answer, nothing wakes any more."""
    check(world)
    known = [world.fulfilment(request_id) for request_id in world.states["fulfiller"]]
    assert all(state.closed for state in known if state.accepted)
    decisions = {
        str(event.event_id) for log in world.logs.values() for event in log if isinstance(event, OperatorDecided)
    }
    assert Counter(answer.decision_id for answer in events(world, DecisionApplied)) == Counter(decisions)
    finals = [status.request_id for status in events(world, RequestStatusChanged) if status.status in FINAL]
    accepted = {request.request_id for request in events(world, RequestAccepted)}
    assert sorted(filter(None, finals)) == sorted(accepted)
    assert not world.due


def _check_parts(world: World, state: Fulfilment) -> None:
    """Invariants 1 and 7: closed and all ended, or each pending part waits for somebody named until a day told."""
    pending = state.pending()
    assert state.closed == (not pending) or state.late
    if not pending:
        return
    assert state.due_at is not None
    assert state.due_at > world.now
    for name in pending:
        part = state.parts[name]
        if part.party is None:
            assert parts.is_task(name), f"{name} waits for nobody"
            assert any(state.parts[other].party for other in pending), f"{name} comes after nothing"
        else:
            assert part.until is not None
            assert part.until > world.now
            assert _was_told(world, state, name), f"nobody was told that {name} waits"


def _was_told(world: World, state: Fulfilment, name: str) -> bool:
    part = state.parts[name]
    if name == parts.VERIFICATION:
        verification = world.states["verifier"][state.id]
        assert isinstance(verification, Verification)
        asked = any(e.request_id == state.id and e.part == name for e in events(world, PartWaiting))
        return asked and verification.due_at is not None and verification.due_at > world.now
    mine = [e for e in events(world, PartWaiting, TaskAssigned) if e.request_id == state.id and e.part == name]
    assert all(isinstance(e, TaskAssigned) or (e.party and e.until) for e in mine)
    return any((e.deadline if isinstance(e, TaskAssigned) else e.until) == part.until for e in mine)


def _check_ends(world: World) -> None:
    for kinds in ((RequestClosed,), (RequestSettled,), (RequestVerified, VerificationFailed)):
        told = Counter(event.request_id for event in events(world, *kinds) if not getattr(event, "late", False))
        assert all(times == 1 for times in told.values()), f"more than one {kinds[0].__name__}"
    for settled in events(world, RequestSettled):
        state = world.fulfilment(settled.request_id)
        hidden = {name for name in settled.parts if (client := parts.client_of(name)) and client not in state.named}
        assert not hidden, "an end tells of a client nobody named"
    for closed in events(world, RequestClosed):
        known = world.fulfilment(closed.request_id)
        assert set(closed.parts) == set(known.parts) or (known.late and set(closed.parts) < set(known.parts))


def _check_statuses(world: World) -> None:
    """Public status never steps back, and nothing follows a final one."""
    by_request: dict[str, list[RequestStatusChanged]] = {}
    for status in events(world, RequestStatusChanged):
        if status.request_id:
            by_request.setdefault(status.request_id, []).append(status)
    for told in by_request.values():
        told.sort(key=lambda status: status.seq)
        assert [status for status in told[:-1] if status.status in FINAL] == []
        assert told[0].status == "open" or told[0].seq == told[-1].seq


def _check_clients(world: World) -> None:
    """A client is asked once per attempt, and holds what it was asked on its own topic."""
    asked = Counter((event.request_id, event.client) for event in events(world, ClientRequest))
    for (request_id, client), times in asked.items():
        assert times == world.fulfilment(request_id).parts[parts.handover(client)].attempt
