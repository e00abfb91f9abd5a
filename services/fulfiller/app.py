"""Wire the fulfiller: verdicts in, tasks and hand-overs out; and, beside it, the tasks of our own connectors."""

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import httpx

from connectors.datamap import DataMap, compile_map
from connectors.memory import Remembering
from connectors.port import System
from connectors.registry import NoSuchConnector, open_system
from rules import parts
from rules.errors import PolicyProblem
from rules.handbook import Handbook
from schemas import wire
from schemas.base import Event
from schemas.topics import read_by, topic_of
from schemas.wire import Record
from services.fulfiller.adapters.builtin import BuiltIn
from services.fulfiller.adapters.delivery import MAIL, POST, Dispatch
from services.fulfiller.adapters.discards import discarding
from services.fulfiller.adapters.mails import ClientMails
from services.fulfiller.adapters.memory import VaultMemory
from services.fulfiller.adapters.participants import SEAL, Sealing, Uploads, hold_back
from services.fulfiller.adapters.recalls import Recalls
from services.fulfiller.adapters.replies import Replies
from services.fulfiller.adapters.surroundings import PostgresSurroundings
from services.fulfiller.adapters.tasks import TaskPerformer
from services.fulfiller.adapters.upkeep import UPKEEP, upkeeping
from services.fulfiller.adapters.webhooks import Webhooks
from services.fulfiller.decide import Fulfilment, Instruction, Reply, decide
from services.fulfiller.decide.instruct import FORGET
from services.fulfiller.decide.leftovers import DISCARD
from services.fulfiller.decide.task import RECALL, TASK, TaskFacts, TaskRun, take_up
from services.fulfiller.ports import Surrounded
from services.fulfiller.settings import Settings
from services.kernel import tokens
from services.kernel.decision import Decision
from services.kernel.effects import Again, Done, Performer
from services.kernel.errors import Misconfigured
from services.kernel.house import House
from services.kernel.leases import Leased
from services.kernel.policies import load_handbook, read_policies
from services.kernel.stage import Stage
from services.kernel.step import Blueprint
from services.kernel.tokens import case_key
from services.mail import SmtpMailer

REPLIES: Final = "privacy.client-replies"
TASK_READS: Final = ("privacy.task-exports", "privacy.closed")
"""What the second stage hears beside assignments, and the first does not."""
LANES: Final = 64
"""Webhooks posted to at once: so many slow ones hold up none of the others."""


def build(house: House) -> list[Stage[Any, Any]]:
    """Build the fulfiller's two stages.

    Raises:
        Misconfigured: it was opened with another service's settings, or a policy file is wrong.
    """
    settings = house.settings
    if not isinstance(settings, Settings):
        message = "the fulfiller needs its own settings"
        raise Misconfigured(message)
    systems, handbook = load_systems(house), load_handbook(settings.policies_dir)
    surroundings = PostgresSurroundings(handbook, systems, house)

    def decide_and_send(state: Fulfilment, event: Any, known: Surrounded, now: datetime) -> Decision[Fulfilment]:  # noqa: ANN401
        return Dispatch(known.clients, now, timedelta(days=settings.webhook_days))(
            hold_back(decide(state, event, known.facts, now), systems)
        )

    blueprint = Blueprint(
        "fulfiller", Fulfilment, keys=keys, gather=surroundings.gather, decide=decide_and_send, decode=Decoder(house)
    )
    reads = [topic.name for topic in read_by("fulfiller") if topic.field is None and topic.name not in TASK_READS]
    performers = _performers(house, settings, handbook) | {SEAL: Performer(_sealing(house, systems), most=200)}
    return [Stage(house, blueprint, reads=reads, performers=performers), _task_stage(house, systems, handbook)]


def _performers(house: House, settings: Settings, handbook: Handbook) -> dict[str, Performer]:
    """What reaches clients without a topic, and what ends an instruction's data."""
    http = httpx.AsyncClient(timeout=settings.webhook_timeout_s, follow_redirects=False)
    mailer = SmtpMailer(settings.smtp_url, settings.smtp_timeout_s) if settings.smtp_url else None

    async def forget(effects: Sequence[Leased], _now: datetime) -> list[Done]:
        async with house.pool.connection() as conn:
            await house.vault.destroy(conn, [case_key(effect.case_id) for effect in effects])
        return [Done() for _ in effects]

    return {
        POST: Performer(Webhooks(house, http), lanes=LANES),
        MAIL: Performer(ClientMails(house, handbook, mailer, settings.door_url)),
        FORGET: Performer(forget),
        DISCARD: Performer(discarding(house)),
    }


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


def _task_stage(house: House, systems: DataMap, handbook: Handbook) -> Stage[Any, Any]:
    opened = _open(house, systems)
    declared_tasks, built_in = TaskPerformer(house, systems, opened), BuiltIn(house, systems, handbook)

    async def perform(effects: Sequence[Leased], now: datetime) -> Sequence[Done | Again]:
        run = built_in if effects[0].body["system"] in parts.BUILT_IN else declared_tasks
        return await run(effects, now)

    key = house.keys.derive("tokens")
    facts = TaskFacts(lambda part, request, whose: tokens.reply_token(key, part, request, whose), tokens.matches)

    async def gather(*_: object) -> TaskFacts:
        return facts

    blueprint = Blueprint("tasks", TaskRun, keys=keys, gather=gather, decide=take_up, decode=Uploads(house, systems))
    tasks = topic_of("privacy.tasks.any")
    reads = [*TASK_READS, *(tasks.named(name) for name in sorted({*opened, *parts.BUILT_IN}))]
    performers = {
        TASK: Performer(perform, most=200),
        RECALL: Performer(Recalls(house, opened)),
        UPKEEP: Performer(upkeeping(house, systems, handbook, opened), lanes=1),
    }
    return Stage(house, blueprint, reads=reads, performers=performers)


def _open(house: House, systems: DataMap) -> dict[str, System]:
    """Open the systems we run a connector for; those that remember nothing get a memory.

    Raises:
        Misconfigured: a system cannot be opened; says which and why.
    """
    ours = {name: declared for name, declared in systems.systems.items() if not declared.participant}
    try:
        opened = {name: open_system(name, declared, os.environ) for name, declared in ours.items()}
    except NoSuchConnector as error:
        raise Misconfigured(str(error)) from None
    memory = VaultMemory(house)
    return {name: one if one.keeps_ledger else Remembering(one, memory) for name, one in opened.items()}


def _sealing(house: House, systems: DataMap) -> Sealing:
    try:
        return Sealing(house, systems)
    except NoSuchConnector as error:
        raise Misconfigured(str(error)) from None


class Decoder:
    """Reads records; what clients write keeps its position as its identity."""

    def __init__(self, house: House) -> None:
        self._replies = Replies(house)

    def __call__(self, record: Record) -> Event | Reply | Instruction:
        """Read one record.

        Raises:
            Unreadable: the bytes are not what the topic carries, or nobody a client could be wrote them.
        """
        return self._replies(record) if record.topic == REPLIES else wire.decode(record)


def keys(event: Any) -> Sequence[str]:  # noqa: ANN401  every class the fulfiller reads
    """The memory is per request."""
    return [event.request_id]


__all__ = ["Decoder", "build", "keys", "load_systems"]
