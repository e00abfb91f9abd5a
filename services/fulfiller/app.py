"""Wire the fulfiller: verdicts in, tasks and hand-overs out; and, beside it, the tasks of our own connectors."""

import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from connectors.datamap import DataMap, compile_map
from connectors.registry import NoSuchConnector, open_system
from rules import parts
from rules.errors import PolicyProblem
from schemas import wire
from schemas.base import Event
from schemas.events import ClientReplied
from schemas.topics import read_by, topic_of
from schemas.wire import Record, Unreadable
from services.fulfiller.adapters.builtin import BuiltIn
from services.fulfiller.adapters.packets import PostgresSurroundings
from services.fulfiller.adapters.tasks import TaskPerformer
from services.fulfiller.decide import Fulfilment, Reply, decide
from services.fulfiller.decide.task import TASK, TaskRun, take_up
from services.kernel.effects import Again, Done, Performer
from services.kernel.errors import Misconfigured
from services.kernel.house import House
from services.kernel.leases import Leased
from services.kernel.policies import load_handbook, read_policies
from services.kernel.stage import Stage
from services.kernel.step import Blueprint

TASKS, REPLIES = "privacy.tasks.<system>", "privacy.client-replies"


def build(house: House) -> list[Stage[Any, Any]]:
    """Build the fulfiller's two stages."""
    systems = load_systems(house)
    handbook = load_handbook(house.settings.policies_dir)
    surroundings = PostgresSurroundings(handbook, systems, house.vault, house.keys, house.clock)
    blueprint = Blueprint("fulfiller", Fulfilment, keys=keys, gather=surroundings.gather, decide=decide, decode=decode)
    reads = [topic.name for topic in read_by("fulfiller") if topic.field is None]
    return [Stage(house, blueprint, reads=reads), _task_stage(house, systems)]


def load_systems(house: House) -> DataMap:
    """Compile the data map.

    Raises:
        Misconfigured: says file, line and what is wrong.
    """
    try:
        return compile_map(read_policies(house.settings.policies_dir)["systems.yaml"])
    except (PolicyProblem, KeyError) as problem:
        message = str(problem) if isinstance(problem, PolicyProblem) else "policies/systems.yaml is missing"
        raise Misconfigured(message) from None


def _task_stage(house: House, systems: DataMap) -> Stage[Any, Any]:
    ours = {name: declared for name, declared in systems.systems.items() if not declared.participant}
    try:
        opened = {name: open_system(name, declared, os.environ) for name, declared in ours.items()}
    except NoSuchConnector as error:
        raise Misconfigured(str(error)) from None
    declared_tasks, built_in = TaskPerformer(house, systems, opened), BuiltIn(house)

    async def perform(effects: Sequence[Leased], now: datetime) -> Sequence[Done | Again]:
        run = built_in if effects[0].body["system"] in parts.BUILT_IN else declared_tasks
        return await run(effects, now)

    async def nothing(*_: object) -> None:
        return None

    blueprint = Blueprint("tasks", TaskRun, keys=keys, gather=nothing, decide=take_up)
    tasks = topic_of("privacy.tasks.any")
    reads = [tasks.named(name) for name in sorted({*opened, *parts.BUILT_IN})]
    return Stage(house, blueprint, reads=reads, performers={TASK: Performer(perform, most=200)})


def decode(record: Record) -> Event | Reply:
    """Read a record; a client's reply keeps its position as its identity.

    Raises:
        Unreadable: the bytes are not what the topic carries.
    """
    if record.topic != REPLIES:
        return wire.decode(record)
    body = wire.read(ClientReplied, wire.unwrap(record))
    return Reply(record.position_id, record.at, body.request_id, body)


def keys(event: Any) -> Sequence[str]:  # noqa: ANN401  every class the fulfiller reads
    """The memory is per request."""
    return [event.request_id]


__all__ = ["Unreadable", "build", "decode", "keys", "load_systems"]
