"""What was said to prove who asks leaves the vault once all is done; what was asked, signed or shown stays."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import pytest

from services.directory.offered import without_points
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


SUBJECT = {
    "name": "Ada Quill", "emails": ["ada@example.org"], "phones": ["+18015550123"], "account_number": "AC-1",
    "addresses": [{"line1": "1 Main St"}], "transactions": [{"amount": "12.00"}],
}  # fmt: skip


async def test_points_are_erased_but_where_to_write_to_and_nothing_else_however_often_it_is_done(worker: Lab) -> None:
    said = {"subject": {"phones": ["+18015550123"]}}
    items: dict[str, Any] = {
        "submission": {"submission_id": "s-1", "brand": "parcelwise", "subject": SUBJECT}, "subject:0": SUBJECT,
        f"answer:{POINTS}": said, f"subject:{POINTS}": said["subject"],
        f"answer:{SIGNED}": {"declaration": {"signed_name": "Ada Quill"}},
    }  # fmt: skip
    one, two = case_key(ONE), case_key(TWO)
    async with worker.house.pool.connection() as conn:
        both = {(case, name): json.dumps(raw).encode() for case in (one, two) for name, raw in items.items()}
        await worker.house.vault.put(conn, both)
        for _ in range(2):
            await Records(worker.house).erase([Leased(ONE)], worker.house.clock())  # type: ignore[list-item]  # all it reads
        left = {name: json.loads(raw) for (_, name), raw in (await worker.house.vault.under(conn, [one], "")).items()}

        contact = {"name": "Ada Quill", "emails": ["ada@example.org"]}
        assert left.keys() == {f"answer:{SIGNED}", "subject:0", "submission"}
        assert left["subject:0"] == contact
        assert left["submission"] == items["submission"] | {"subject": contact}
        assert await worker.house.vault.names(conn, two) == sorted(items)


def test_who_gave_no_mailbox_can_still_be_written_to_on_paper() -> None:
    by_post = {name: SUBJECT[name] for name in ("name", "addresses", "phones")}

    assert json.loads(without_points(json.dumps(by_post).encode())) == {
        "name": "Ada Quill", "addresses": [{"line1": "1 Main St"}],
    }  # fmt: skip
