"""The directory as the verifier asks it: one query per batch, for everything each person has said so far."""

from collections.abc import Mapping, Sequence
from typing import Any

from rules.handbook import Handbook
from schemas.base import Due
from schemas.events import AnswerRecorded, OperatorDecided, RequestAccepted
from schemas.public import RequestSubmitted, Subject
from schemas.values import AnswerKind, Verb
from services.directory.lookup import lookup
from services.directory.offered import Offered, merge, offered
from services.kernel.keys import KeyStore
from services.kernel.store import Conn
from services.kernel.tokens import case_key
from services.kernel.vault import Vault
from services.verifier.decide import Facts, Verification


class PostgresDirectory:
    """Finds candidates by the points that lie sealed in the vault; hands out which groups fit, never a value."""

    def __init__(self, handbook: Handbook, vault: Vault, keys: KeyStore) -> None:
        self._handbook, self._vault, self._keys = handbook, vault, keys

    async def gather(self, conn: Conn, batch: Sequence[Any], states: Mapping[str, Verification]) -> Facts:
        """Return candidates for every request of the batch that may need weighing."""
        weighed = {e.request_id: case_key(e.request_id) for e in batch if _weighs(e, states)}
        asked = await self._asked(conn, weighed) if weighed else {}
        candidates = await lookup(conn, asked, self._keys) if asked else {}
        found = {request_id: tuple(some) for request_id, some in candidates.items()}
        return Facts(self._handbook.brands, self._handbook.points, found)

    async def _asked(self, conn: Conn, weighed: Mapping[str, str]) -> dict[str, Offered]:
        items = await self._vault.under(conn, sorted(set(weighed.values())), "sub")
        first: dict[str, RequestSubmitted] = {}
        said: dict[str, list[Subject]] = {}
        for (case, name), raw in sorted(items.items()):
            if name == "submission":
                first[case] = RequestSubmitted.model_validate_json(raw)
            else:
                said.setdefault(case, []).append(Subject.model_validate_json(raw))
        offers: dict[str, Offered] = {}
        for case, submitted in first.items():
            country = submitted.residence.country if submitted.residence else "US"
            offers[case] = merge(submitted.brand, *(offered(subject, country) for subject in said.get(case, ())))
        return {request_id: offers[case] for request_id, case in weighed.items() if case in offers}


def _weighs(event: Any, states: Mapping[str, Verification]) -> bool:  # noqa: ANN401
    match event:
        case Due():
            return False
        case RequestAccepted():
            return event.verify
        case AnswerRecorded(kind=AnswerKind.POINTS | AnswerKind.DECLARATION):
            return True
        case OperatorDecided(verb=Verb.APPROVE):
            return event.request_id in states
        case _:
            return False
