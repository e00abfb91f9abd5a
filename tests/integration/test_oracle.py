"""What comes to an impostor from a running system is the same whether the person exists or not."""

import pytest

from bench.oracle import observed
from bench.system import System

pytestmark = pytest.mark.integration
EACH = 6


def test_letters_and_statuses_do_not_tell_who_is_known(system: System) -> None:
    known, unknown = observed(system, EACH, 30.0, 7)

    assert {what: len(times) for what, times in known.times.items()} == dict.fromkeys(unknown.times, EACH)
    assert dict(known.texts) == dict(unknown.texts)
    assert {what.split()[0] for what in known.texts} == {"acknowledgement", "proof_needed", "unverified"}
