"""What was said only to prove who asks leaves the vault; what was asked, signed or shown stays."""

import json
from dataclasses import dataclass
from uuid import UUID, uuid5

import pytest

from services.intake.adapters import Records
from services.kernel.tokens import case_key
from tests.support.lab import Lab, a_request

pytestmark = [pytest.mark.integration, pytest.mark.anyio]
ONE, TWO = a_request("one"), a_request("two")
POINTS, SIGNED = (uuid5(UUID(ONE), name) for name in ("points", "signed"))


@dataclass(frozen=True)
class Leased:
    case_id: str
    id: UUID = POINTS


async def test_points_given_later_are_erased_and_nothing_else_however_often_it_is_done(worker: Lab) -> None:
    said = {"subject": {"phones": ["+18015550123"]}}
    items = {
        "submission": {}, "subject:0": {}, f"answer:{POINTS}": said, f"subject:{POINTS}": said["subject"],
        f"answer:{SIGNED}": {"declaration": {"signed_name": "Ada Quill"}},
    }  # fmt: skip
    async with worker.house.pool.connection() as conn:
        both = {(case_key(case), name): json.dumps(raw).encode() for case in (ONE, TWO) for name, raw in items.items()}
        await worker.house.vault.put(conn, both)
        for _ in range(2):
            await Records(worker.house).erase([Leased(ONE)], worker.house.clock())  # type: ignore[list-item]  # all it reads

        assert await worker.house.vault.names(conn, case_key(ONE)) == [f"answer:{SIGNED}", "subject:0", "submission"]
        assert await worker.house.vault.names(conn, case_key(TWO)) == sorted(items)
