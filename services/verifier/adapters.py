"""The directory and the counters as the verifier asks them: one query each per batch, however many ask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from rules.handbook import Handbook
from rules.matching import Candidate
from rules.normalise import normalise
from rules.points import Throttled
from schemas.base import Due
from schemas.events import AnswerRecorded, OperatorDecided, RequestAccepted
from schemas.public import RequestSubmitted
from schemas.values import AnswerKind, PointKind, Population, Verb
from services.directory.counters import Counters, Tally
from services.directory.lookup import lookup
from services.directory.offered import Offered, merge, offered_in
from services.directory.sessions import Sessions
from services.kernel.house import House
from services.kernel.store import Conn
from services.kernel.tokens import case_key
from services.verifier.decide import Facts, Verification
from services.verifier.decide.often import names_of
from services.verifier.decide.state import told

_SESSION: Final = "session/"


@dataclass(frozen=True, slots=True)
class _Case:
    """What one case was opened with, and everything said of the person since."""

    submitted: RequestSubmitted
    offer: Offered


class PostgresDirectory:
    """Finds candidates by the points that lie sealed in the vault; hands out which groups fit, never a value."""

    def __init__(self, handbook: Handbook, house: House) -> None:
        self._handbook, self._vault, self._keys, self._clock = handbook, house.vault, house.keys, house.clock
        self._counters, self._sessions = Counters("verifier", house.keys), Sessions(handbook.authenticators)

    async def gather(self, conn: Conn, batch: Sequence[Any], states: Mapping[str, Verification]) -> Facts:
        """Return candidates for every request of the batch that may need weighing, and how many tries failed before."""
        facts = Facts(
            self._handbook.brands, self._handbook.points, laws=self._handbook.laws,
            answered=lambda subject, slot: self._counters.name("answered", subject, slot),
        )  # fmt: skip
        weighed = {e.request_id: case_key(e.request_id) for e in batch if _weighs(e, states)}
        cases = await self._cases(conn, sorted(set(weighed.values()))) if weighed else {}
        asked = {request: cases[case] for request, case in weighed.items() if case in cases}
        falling = [states[e.request_id] for e in batch if isinstance(e, Due) and states[e.request_id].fitting]
        if not asked:
            return replace(facts, tally=await self._tally(conn, _often(falling, facts))) if falling else facts
        questions = {request: case.offer for request, case in asked.items()} | self._sessions_of(batch, asked)
        candidates = await lookup(conn, questions, self._keys)
        found = {request_id: tuple(candidates[request_id]) for request_id in asked}
        signed_in = {one: tuple(some) for q, some in candidates.items() if (one := q.removeprefix(_SESSION)) != q}
        asking = {
            request: {
                Throttled.REQUEST: self._counters.name("request", request),
                **self._counters.asking(case.submitted),
            }
            for request, case in asked.items()
        }
        evidence = {request: self._evidence(case.offer) for request, case in asked.items()}
        own = {request: _own(*found[request], *signed_in.get(request, ())) for request in asked}
        aimed = {one: self._counters.name(Throttled.RECORD, one) for one in frozenset().union(*own.values())}
        names = [*aimed.values(), *(name for some in asking.values() for name in some.values())]
        weighing = [
            told(states.get(e.request_id) or Verification.stub(e.request_id), e) for e in batch if e.request_id in asked
        ]
        names += [n for one in weighing for n in names_of(one, facts, own[one.id])] + _often(falling, facts)
        tally = await self._tally(conn, names)
        return replace(
            facts, candidates=found, evidence=evidence, signed_in=signed_in, asking=asking, aimed=aimed, tally=tally
        )

    async def _tally(self, conn: Conn, names: Sequence[str]) -> Tally:
        return await self._counters.tally(conn, names, self._clock())

    def _evidence(self, offer: Offered) -> str:
        said = sorted(f"{kind}={key}" for kind, key in offer.points)
        return self._counters.name("evidence", offer.brand, *said).partition("/")[2]

    def _sessions_of(self, batch: Sequence[Any], asked: Mapping[str, _Case]) -> dict[str, Offered]:
        """A question of its own for every account that a session was proven of when its request was submitted."""
        questions = {}
        for event in (e for e in batch if isinstance(e, RequestAccepted) and e.request_id in asked):
            case = asked[event.request_id]
            account = self._sessions.account(case.submitted, event.received_at)
            key = normalise(PointKind.ACCOUNT_NUMBER, account) if account else None
            if key:
                point = frozenset({(PointKind.ACCOUNT_NUMBER, key)})
                questions[_SESSION + event.request_id] = Offered(case.submitted.brand, point, case.offer.names)
        return questions

    async def _cases(self, conn: Conn, cases: Sequence[str]) -> dict[str, _Case]:
        items = await self._vault.under(conn, cases, "sub")
        first: dict[str, RequestSubmitted] = {}
        said: dict[str, list[bytes]] = {}
        for (case, name), raw in sorted(items.items()):
            if name == "submission":
                first[case] = RequestSubmitted.model_validate_json(raw)
            else:
                said.setdefault(case, []).append(raw)
        found = {}
        for case, submitted in first.items():
            country = submitted.residence.country if submitted.residence else "US"
            offers = (offered_in(raw, country) for raw in said.get(case, ()))
            found[case] = _Case(submitted, merge(submitted.brand, *offers))
        return found


def _own(*found: Candidate) -> frozenset[str]:
    """The persons these records are of, those of clients' recipients left out."""
    return frozenset(c.subject for c in found if c.population is not Population.RECIPIENT)


def _often(falling: Sequence[Verification], facts: Facts) -> list[str]:
    """Under what the answers to those count whose request becomes the lower one that their points reach."""
    return [name for one in falling if one.fitting for name in names_of(one, facts, [one.fitting[0]])]


def _weighs(event: Any, states: Mapping[str, Verification]) -> bool:  # noqa: ANN401
    match event:
        case Due():
            return False
        case RequestAccepted():
            return event.verify
        case AnswerRecorded(kind=AnswerKind.POINTS | AnswerKind.DECLARATION | AnswerKind.CODE):
            return True
        case AnswerRecorded(kind=AnswerKind.DETAIL):
            return states[event.request_id].unsaid if event.request_id in states else True
        case OperatorDecided(verb=Verb.APPROVE):
            return event.request_id in states
        case _:
            return False
