"""The directory as a stage: follows what loaders tell of single records, as it happens.

Being told is idempotent and decides nothing, so the batch is brought in where it is gathered, within its transaction: a
change that cannot be read is parked alone, as any other message.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from schemas.base import Due, Event
from schemas.directory import PersonGone, PersonSeen
from services.directory.change import read
from services.directory.digests import Digests
from services.directory.load import take_up
from services.directory.talk import hold_async
from services.kernel.decision import Decision, State
from services.kernel.house import House
from services.kernel.keys import KeyStore
from services.kernel.stage import Stage
from services.kernel.step import Blueprint
from services.kernel.store import Conn

TOPIC: Final = "privacy.directory"


class Followed(State):
    """Nothing: what is known of a person is the directory itself."""


def blueprint(keys: KeyStore) -> Blueprint[Followed, None]:
    """Describe the stage."""

    async def gather(conn: Conn, batch: Sequence[Any], _states: Mapping[str, Followed]) -> None:
        told = [event for event in batch if isinstance(event, PersonSeen | PersonGone)]
        if told:
            digests = Digests(keys)
            await hold_async(conn, take_up(read(told, digests), digests, told[-1].occurred_at.date()))

    return Blueprint("directory", Followed, keys=lambda event: [event.subject], gather=gather, decide=_decide)


def _decide(state: Followed, _event: Event | Due, _facts: None, _now: Any) -> Decision[Followed]:  # noqa: ANN401
    return Decision(state)


def build(house: House) -> Stage[Followed, None]:
    """Build the stage; whichever worker runs it."""
    return Stage(house, blueprint(house.keys), reads=[TOPIC])
