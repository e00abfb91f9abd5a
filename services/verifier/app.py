"""Wire the verifier: accepted requests and answers in, verdicts out."""

from collections.abc import Sequence
from typing import Any

from schemas.topics import read_by
from services.kernel.house import House
from services.kernel.policies import load_handbook
from services.kernel.stage import Stage
from services.kernel.step import Blueprint
from services.verifier.adapters import PostgresDirectory
from services.verifier.decide import Facts, Verification, decide


def build(house: House) -> list[Stage[Any, Any]]:
    """Build the verifier's one stage."""
    handbook = load_handbook(house.settings.policies_dir)
    directory = PostgresDirectory(handbook, house)
    blueprint = Blueprint(
        "verifier", Verification, keys=keys, gather=directory.gather, decide=decide, learn=Facts.learning
    )
    return [Stage(house, blueprint, reads=[topic.name for topic in read_by("verifier")])]


def keys(event: Any) -> Sequence[str]:  # noqa: ANN401  every class the verifier reads
    """The verifier's memory is per request."""
    return [event.request_id]
