"""Wire intake: submissions and answers in, requests, clocks and rejections out."""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from schemas.topics import read_by
from services.clients.unsealing import Unsealing
from services.directory import follow
from services.intake.adapters import PostgresSurroundings, Records
from services.intake.decide import DESTROY, ERASE, KEEP, Case, Facts, decide
from services.intake.decide.reading import Answer, Reader, Submission
from services.kernel import tokens
from services.kernel.effects import Performer
from services.kernel.house import House
from services.kernel.policies import load_handbook
from services.kernel.stage import Stage
from services.kernel.step import Blueprint


def build(house: House) -> list[Stage[Any, Any]]:
    """Build intake's stage and, beside it, the one that keeps the directory."""
    ids = house.keys.derive("ids")
    reader = Reader(
        name_case=lambda source, submission: str(tokens.case_id(ids, source, submission)),
        digest=lambda content: hmac.new(ids, content, hashlib.sha256).hexdigest(),
        unseal=Unsealing(house.keys),
        moment=lambda at: at + house.clock.ahead,
    )
    surroundings = PostgresSurroundings(load_handbook(house.settings.policies_dir), house)
    records = Records(house)
    blueprint = Blueprint(
        "intake", Case, keys=keys, gather=surroundings.gather, decide=decide, decode=reader, learn=Facts.learning
    )
    stage: Stage[Any, Any] = Stage(
        house,
        blueprint,
        reads=[topic.name for topic in read_by("intake") if topic.name != follow.TOPIC],
        performers={
            DESTROY: Performer(records.destroy),
            KEEP: Performer(records.keep),
            ERASE: Performer(records.erase),
        },
    )
    return [stage, follow.build(house)]


def keys(event: Any) -> Sequence[str]:  # noqa: ANN401  every class intake reads
    """Intake's memory is per case; a request's id leads to its case. An appeal also concerns the case it is about."""
    filed = event.case_id if isinstance(event, Submission | Answer) else event.request_id
    about = event.body and event.body.refers_to if isinstance(event, Submission) else getattr(event, "reopens", None)
    return [tokens.case_key(UUID(one)) for one in (filed, about) if one]
