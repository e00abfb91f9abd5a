from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.clients.names import Handovers
from services.kernel.keys import FileKeyStore

IDS = st.uuids().map(str)
CLIENTS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,39}", fullmatch=True)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Handovers:
    return opened(tmp_path_factory.mktemp("keys"))


def opened(folder: Path) -> Handovers:
    keys = FileKeyStore(folder)
    keys.create()
    return Handovers(keys)


@given(client=CLIENTS, request=IDS)
def test_a_name_leads_back_to_its_request_and_shows_nothing_of_it(names: Handovers, client: str, request: str) -> None:
    name = names.name(client, request)

    assert names.request(client, name) == request
    assert name[:18] != request[:18]


@given(one=CLIENTS, other=CLIENTS, request=IDS)
def test_two_clients_call_one_request_by_two_names(names: Handovers, one: str, other: str, request: str) -> None:
    assert (names.name(one, request) == names.name(other, request)) is (one == other)
    assert (names.request(other, names.name(one, request)) == request) is (one == other)


@given(one=IDS, other=IDS)
def test_one_client_calls_two_requests_by_two_names_even_of_one_case(names: Handovers, one: str, other: str) -> None:
    same_case = one[:18] + other[18:]
    first, second = names.name("acorn", one), names.name("acorn", same_case)

    assert (first == second) is (one == same_case)
    assert first == second or first[:18] != second[:18]


def test_another_installation_calls_it_otherwise(names: Handovers, tmp_path: Path) -> None:
    request = "5b3f2a10-9c7e-8d21-a4b0-000000000002"

    assert opened(tmp_path).name("acorn", request) != names.name("acorn", request)


@given(client=CLIENTS, request=IDS, other=CLIENTS)
def test_a_token_proves_its_own_clients_hand_over_and_no_other(
    names: Handovers, client: str, request: str, other: str
) -> None:
    name, token = names.name(client, request), names.token(client, request)

    assert names.proven(client, name, token) == request
    assert names.proven(client, request, token) is None
    assert other == client or names.proven(other, names.name(other, request), token) is None


@pytest.mark.parametrize("about", [(None, "x", "y"), ("acorn", 7, "y"), ("acorn", "x", None), ("acorn", "x", "y")])
def test_whatever_is_shown_proves_nothing_by_itself(names: Handovers, about: tuple[object, object, object]) -> None:
    assert names.proven(*about) is None
