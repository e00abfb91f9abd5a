from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from rules import normalise
from schemas.public import Subject, Transaction
from schemas.values import PointKind as K
from services.directory.offered import kinds_of, merge, offered, raw_points
from tests.support.directory import offer

HOME = {"line1": "842 E 1700 S", "line2": "Apt 4", "city": "Salt Lake City", "region": "UT", "postcode": "84105-1234"}
STATEMENTS = [
    Subject(name="Ada Lovelace", emails=["ada@example.org"]),
    Subject(name="Ada Byron", phones=["801 555 0142"]),
    Subject(account_number="00-42", order_numbers=["A 1"]),
    Subject.model_validate({"addresses": [HOME]}),
    Subject(transactions=[Transaction(on=date(2026, 2, 10), amount="12,5")]),
]


def test_every_kind_that_was_said_is_in_normal_form() -> None:
    said = offer(
        name="Lovelace, Ada", email="Ada@Example.org", phone="(801) 555-0142", address=HOME, account_number="ac-0042",
        tracking_number="1z 42", order_numbers=["a-1"], transactions=[{"on": "2026-02-10", "amount": "12,5"}],
    )  # fmt: skip

    assert said.points == {
        (K.NAME, "ada|lovelace"), (K.EMAIL, "ada@example.org"), (K.PHONE, "+18015550142"),
        (K.ADDRESS, "842 E 1700 S #4|84105|US"), (K.POSTCODE, "84105"), (K.ACCOUNT_NUMBER, "AC0042"),
        (K.TRACKING_NUMBER, "1Z42"), (K.ORDER_NUMBER, "A1"), (K.TRANSACTION_DATE, "2026-02-10"),
        (K.TRANSACTION_AMOUNT, "12.50"),
    }  # fmt: skip
    assert said.names == ("Lovelace, Ada",)


def test_what_is_near_is_never_among_what_counts() -> None:
    said = offer(email="a.d.a+shop@googlemail.com", address=HOME)

    assert (K.EMAIL, "ada@gmail.com") in said.near
    assert (K.ADDRESS, "842 E 1700 S 4|SALT LAKE CITY UT|US") in said.near
    assert not said.near & said.wanted


def test_the_days_next_to_a_transaction_are_wanted_too() -> None:
    said = offer(transactions=[{"on": "2026-03-01"}])

    assert {key for _, key in said.wanted} == {"2026-02-28", "2026-03-01", "2026-03-02"}


def test_what_cannot_be_used_is_left_out_and_still_named() -> None:
    said = Subject(name="J. Doe", phones=["12345"], emails=["ada@example.org"])

    assert [(kind, key) for kind, key, _ in raw_points(said, "US")] == [(K.EMAIL, "ada@example.org")]
    assert kinds_of(said) == [K.EMAIL, K.NAME, K.PHONE]


def test_an_address_is_given_on_as_it_was_typed() -> None:
    [(_, _, given_as), _] = raw_points(STATEMENTS[3], "US")

    assert given_as == HOME | {"country": "US"}


def test_keys_by_earlier_rules_are_kept_beside_todays(monkeypatch) -> None:
    monkeypatch.setitem(normalise.EARLIER, 0, lambda kind, raw, _country: [f"{raw}".lower()] if kind is K.EMAIL else [])

    said = merge("b", offered(STATEMENTS[0]), offered(STATEMENTS[1]))

    assert said.keys(normalise.NORMALISER_VERSION) == said.wanted | said.near
    assert said.keys(0) == {(K.EMAIL, "ada@example.org")}


@given(st.permutations(STATEMENTS), st.integers(1, 4))
def test_the_order_of_answers_changes_nothing_but_the_order_of_names(said, cut) -> None:
    whole = merge("b", *map(offered, STATEMENTS))
    first, rest = merge("b", *map(offered, said[:cut])), merge("b", *map(offered, said[cut:]))
    told = merge("b", first, rest)

    assert (told.points, told.near, set(told.names)) == (whole.points, whole.near, set(whole.names))


@given(st.lists(st.sampled_from(STATEMENTS), max_size=5), st.sampled_from(STATEMENTS))
def test_saying_more_never_takes_anything_back(said, more) -> None:
    before, after = merge("b", *map(offered, said)), merge("b", *map(offered, [*said, more]))

    assert before.wanted <= after.wanted
    assert before.keys(1) <= after.keys(1)
