"""The directory and the counters as the verifier asks them: one query each per batch, however many ask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rules.handbook import Handbook
from rules.normalise import normalise
from rules.points import Throttled
from schemas.base import Due
from schemas.events import AnswerRecorded, OperatorDecided, RequestAccepted
from schemas.public import RequestSubmitted, Subject
from schemas.values import AnswerKind, PointKind, Population, Verb
from services.directory.counters import Counters
from services.directory.lookup import lookup
from services.directory.offered import Offered, merge, offered
from services.kernel.house import House
from services.kernel.store import Conn
from services.kernel.tokens import case_key
from services.verifier.decide import Facts, Verification


@dataclass(frozen=True, slots=True)
class _Case:
    """What one case was opened with, and everything said of the person since."""

    submitted: RequestSubmitted
    offer: Offered


class PostgresDirectory:
    """Finds candidates by the points that lie sealed in the vault; hands out which groups fit, never a value."""

    def __init__(self, handbook: Handbook, house: House) -> None:
        self._handbook, self._vault, self._keys, self._clock = handbook, house.vault, house.keys, house.clock
        self._counters = Counters("verifier", house.keys)

    async def gather(self, conn: Conn, batch: Sequence[Any], states: Mapping[str, Verification]) -> Facts:
        """Return candidates for every request of the batch that may need weighing, and how many tries failed before."""
        facts = Facts(self._handbook.brands, self._handbook.points)
        weighed = {e.request_id: case_key(e.request_id) for e in batch if _weighs(e, states)}
        cases = await self._cases(conn, sorted(set(weighed.values()))) if weighed else {}
        asked = {request: cases[case] for request, case in weighed.items() if case in cases}
        if not asked:
            return facts
        candidates = await lookup(conn, {request: case.offer for request, case in asked.items()}, self._keys)
        found = {request_id: tuple(some) for request_id, some in candidates.items()}
        asking = {request: self._asking(request, case.submitted) for request, case in asked.items()}
        own = {c.subject for some in found.values() for c in some if c.population is not Population.RECIPIENT}
        aimed = {subject: self._counters.name(Throttled.RECORD, subject) for subject in own}
        names = [*aimed.values(), *(name for some in asking.values() for name in some.values())]
        tally = await self._counters.tally(conn, names, self._clock())
        return replace(facts, candidates=found, asking=asking, aimed=aimed, tally=tally)

    def _asking(self, request_id: str, submitted: RequestSubmitted) -> Mapping[Throttled, str]:
        """Under what a failed try of this request counts: the request itself, its app, and who typed it."""
        whose = Throttled.AGENT if submitted.agent else Throttled.REQUESTER
        of = {Throttled.REQUEST: request_id, Throttled.SOURCE: submitted.source, whose: _contact(submitted)}
        return {kind: self._counters.name(kind, one) for kind, one in of.items() if one}

    async def _cases(self, conn: Conn, cases: Sequence[str]) -> dict[str, _Case]:
        items = await self._vault.under(conn, cases, "sub")
        first: dict[str, RequestSubmitted] = {}
        said: dict[str, list[Subject]] = {}
        for (case, name), raw in sorted(items.items()):
            if name == "submission":
                first[case] = RequestSubmitted.model_validate_json(raw)
            else:
                said.setdefault(case, []).append(Subject.model_validate_json(raw))
        found = {}
        for case, submitted in first.items():
            country = submitted.residence.country if submitted.residence else "US"
            offers = (offered(subject, country) for subject in said.get(case, ()))
            found[case] = _Case(submitted, merge(submitted.brand, *offers))
        return found


def _weighs(event: Any, states: Mapping[str, Verification]) -> bool:  # noqa: ANN401
    match event:
        case Due():
            return False
        case RequestAccepted():
            return event.verify
        case AnswerRecorded(kind=AnswerKind.POINTS | AnswerKind.DECLARATION | AnswerKind.CODE):
            return True
        case OperatorDecided(verb=Verb.APPROVE):
            return event.request_id in states
        case _:
            return False


def _contact(submitted: RequestSubmitted) -> str | None:
    """The contact typed by whoever asks, in its normal form: the agent's where one acts."""
    emails = [submitted.agent.email] if submitted.agent else submitted.subject.emails
    typed = [(PointKind.EMAIL, email) for email in emails]
    typed += [(PointKind.PHONE, phone) for phone in submitted.subject.phones]
    return next((normalise(kind, raw) or raw for kind, raw in typed), None)
