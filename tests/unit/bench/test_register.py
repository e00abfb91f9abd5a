"""Lag is bounded when it does not grow and is soon gone."""

import pytest

from bench.register import bounded, verdict


@pytest.mark.parametrize(
    ("lags", "drained_s", "is_bounded"),
    [
        ([], 0.0, True),
        ([1.0, 2.0, 1.5, 2.0], 1.0, True),
        ([2.0, 9.0, 11.0, 10.0, 12.0, 9.0], 1.0, True),
        ([float(second) for second in range(60)], 1.0, False),
        ([1.0, 2.0, 1.5, 2.0], 60.0, False),
    ],
)
def test_lag_that_grows_or_stays_is_not_bounded(lags: list[float], drained_s: float, is_bounded: bool) -> None:
    assert bounded(lags, drained_s) is is_bounded


def test_each_thing_that_is_wrong_is_said() -> None:
    alone = {"misfits": 1, "requests_rebuilt": 9}
    found = {"alone": alone, "saturated": {"ended": 1, "requests": 2, "bounded": False}}

    assert len(verdict(found, 10)) == 4
    assert verdict({"alone": {"misfits": 0, "requests_rebuilt": 10}}, 10) == []
