"""Letters that reached the person another way than by mail: noted, so that history and alarms know it."""

from contextlib import closing
from typing import Any

from pydantic import ValidationError

from schemas import wire
from schemas.audit import LetterDelivered
from schemas.problems import problems_of
from services.kernel.clock import new_id
from services.kernel.errors import Misconfigured
from services.ops.installation import Installation
from services.ops.kafka import Publisher
from services.ops.register import keeping, queries


def delivered(found: Installation, request_id: str, **said: Any) -> None:  # noqa: ANN401  the event's own fields
    """Note which `letter` was delivered, by which `way`, `by` whom and `why`; returns when the broker has it.

    Raises:
        Misconfigured: the register knows no such request, or a field breaks a rule; says which.
    """
    with found.connect() as db:
        at, known = keeping.now(db), queries.request(db, request_id)
    if known is None:
        raise Misconfigured(f"the register knows no request {request_id}")
    about = {"request_id": request_id, "case_id": known["case_id"], "occurred_at": at, "event_id": new_id()}
    try:
        event = LetterDelivered(**about, **said)
    except ValidationError as error:
        raise Misconfigured("; ".join(f"{p.field} {p.rule}" for p in problems_of(error))) from None
    topic, key, value, headers = wire.encode(event, source="rightsbus/ops")
    with closing(Publisher(found.access("ops"))) as publisher:
        publisher.send(topic, value, key=key, headers=headers)
