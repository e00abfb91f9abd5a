import pytest

from bench import matching
from rules.points import compile_points

POLICY = compile_points(matching.POLICY.read_text(encoding="utf-8"))
PEOPLE = 1_200
HOMES = 120


@pytest.fixture(scope="module")
def febrl():
    return matching.febrl(PEOPLE)


def test_published_test_data_accept_true_people_and_no_impostor(febrl, capsys) -> None:
    found = list(matching.on_febrl(POLICY, *febrl))

    with capsys.disabled():
        print("", *found, sep="\n")
    assert [rates.wrong() for rates in found] == [[]] * 4
    assert [rates.impostors for rates in found] == [PEOPLE * (PEOPLE - 1)] * 4


def test_housemates_prove_nothing_with_what_they_share(febrl, capsys) -> None:
    found = list(matching.on_homes(POLICY, matching.homes(febrl[0], HOMES, seed=1)))

    with capsys.disabled():
        print("", *found, sep="\n")
    assert [rates.wrong() for rates in found] == [[]] * 4
    assert all(rates.impostors > HOMES for rates in found)
    assert found[2].acceptance == 1.0
    assert found[3].false_acceptance < 0.02


def test_a_rule_that_lets_housemates_in_is_noticed(febrl, monkeypatch) -> None:
    monkeypatch.setattr("rules.matching.HOUSEHOLD", frozenset())

    found = list(matching.on_homes(POLICY, matching.homes(febrl[0], 20, seed=1)))

    assert "impostors accepted" in found[0].wrong()[0]
