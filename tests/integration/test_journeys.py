"""Every sample request travels through real workers to the end it must have."""

import pytest

from bench.system import System
from services.ops.cli.demo import closings, deny, merchants
from stack.demo.play import Play
from stack.sample.requests import scripts

pytestmark = pytest.mark.integration


def test_every_sample_request_comes_to_its_end(system: System) -> None:
    with merchants(system.described), closings(system.found) as closed:
        play = Play(system.described, scripts(), closed, lambda request: deny(system.found, request))
        in_time = play.run(lambda: None, 90)

    assert in_time, [script.name for script in play.board.missing()]
    assert {row.script.name: wrong for row in play.board.rows if (wrong := play.board.wrong(row))} == {}
