"""Services are killed while requests travel; nothing is lost and nothing happens twice."""

import pytest

from bench.drill import drill
from bench.system import System

pytestmark = pytest.mark.integration


@pytest.mark.timeout(240)
def test_killed_services_lose_nothing_and_do_nothing_twice(system: System) -> None:
    account = drill(system, requests=300, kills=2, seed=7, within_s=150)

    assert account.wrong == [], account.figures["ended otherwise"]
