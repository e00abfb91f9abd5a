"""Systems that read their task topic themselves: assignments go out sealed to them, their exports come back sealed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from connectors import participant
from connectors.datamap import DataMap
from schemas import wire
from schemas.base import Event
from schemas.events import TaskAssigned
from schemas.exports import ExportUploaded
from schemas.problems import problems_of
from schemas.values import Action, Problem
from schemas.wire import Record, Unreadable
from services.clients.jose import CannotRead, Inbound
from services.fulfiller.adapters.tasks import tasks_of
from services.fulfiller.decide import Fulfilment
from services.fulfiller.decide.pieces import Piece
from services.kernel.decision import Decision, Effect
from services.kernel.effects import Done
from services.kernel.house import House
from services.kernel.leases import Leased

SEAL: Final = "seal"
EXPORTS: Final = "privacy.task-exports"


def hold_back(decision: Decision[Fulfilment], systems: DataMap) -> Decision[Fulfilment]:
    """Turn each assignment to a participant into an effect: it must be sealed before it goes."""
    theirs = [e for e in decision.events if isinstance(e, TaskAssigned) and _is_participant(systems, e.system)]
    if not theirs:
        return decision
    seq = decision.state.version + 1
    held = tuple(
        Effect(SEAL, e.request_id, e.case_id, f"{e.part}/{e.attempt}",
               e.model_copy(update={"seq": seq}).model_dump(mode="json"), lane=e.system)
        for e in theirs
    )  # fmt: skip
    return Decision(
        decision.state, tuple(event for event in decision.events if event not in theirs), (*decision.effects, *held),
        decision.counters, due_at=decision.due_at, secrets=decision.secrets,
    )  # fmt: skip


def _is_participant(systems: DataMap, name: str) -> bool:
    declared = systems.systems.get(name)
    return declared is not None and declared.participant


class Sealing:
    """Adds to an assignment what only its participant can read: the record keys, and values to set right."""

    def __init__(self, house: House, systems: DataMap) -> None:
        self._house, self._ours = house, Inbound(house.keys)
        self._keys = {name: participant.key_of(name, s) for name, s in systems.systems.items() if s.participant}

    async def __call__(self, effects: Sequence[Leased], now: datetime) -> list[Done]:
        """Seal the assignments of one participant."""
        name = effects[0].lane
        tasks = await tasks_of(self._house, name, effects, now)
        return [Done((self._sealed(effect, task),)) for effect, task in zip(effects, tasks, strict=True)]

    def _sealed(self, effect: Leased, task: Any) -> Event:  # noqa: ANN401  the connectors' task
        public = self._ours.public() if task.action is Action.EXPORT else None
        more = {"keys_jwe": participant.seal_keys(self._keys[effect.lane], task), "upload_jwk": public}
        return TaskAssigned.model_validate({**effect.body, **more})


class Uploads:
    """Reads what participants export; every other record is read as usual."""

    def __init__(self, house: House, systems: DataMap) -> None:
        self._ours, self._systems = Inbound(house.keys), systems

    def __call__(self, record: Record) -> Event | Piece:
        """Read one record.

        Raises:
            Unreadable: the bytes are not what the topic carries, or were not sealed to our key.
        """
        event = wire.decode(record)
        return self._piece(event) if isinstance(event, ExportUploaded) else event

    def _piece(self, event: ExportUploaded) -> Piece:
        try:
            opened = participant.Piece.model_validate_json(self._ours.open(event.jwe))
        except CannotRead:
            raise Unreadable([Problem(field="jwe", rule="must be sealed to the key its assignment brought")]) from None
        except ValidationError as error:
            raise Unreadable(problems_of(error)) from None
        declared = self._systems.systems.get(event.system)
        shown = participant.shown(opened, declared.holds if declared else ())
        return Piece(
            event.event_id, event.occurred_at, event.request_id, event.case_id, event.task_id, event.system, event.part,
            event.attempt, event.number, event.of, event.reply_token, opened.category, shown.categories, opened.table,
            tuple(shown.rows),
        )  # fmt: skip
