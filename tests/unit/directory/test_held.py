from datetime import date, timedelta

import pytest

from bench import crowd
from rules.finding import finders
from services.directory.digests import Digests, Version
from services.directory.held import contact_of, index_of, open_held, record_of, seal_held
from services.directory.load import name
from services.directory.person import WrongRow, person_of
from services.kernel.keys import FileKeyStore, KeyGone
from services.kernel.sealing import CannotOpen
from tests.support.directory import ADA, BEN, PARCEL

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)


@pytest.fixture
def keys(tmp_path):
    store = FileKeyStore(tmp_path / "keys")
    store.create()
    return store


def since(record):
    return {kind: day for kind, _, day, *_ in record["points"]} | {"name": record["names"][0][1]}


def test_a_new_record_brings_its_own_day_or_none() -> None:
    assert set(since(record_of(person_of(2, ADA), None, MARCH)).values()) == {"2024-05-01"}
    assert set(since(record_of(person_of(2, ADA | {"held_since": ""}), None, MARCH)).values()) == {None}


def test_a_new_record_told_live_may_be_of_this_moment() -> None:
    nameless = person_of(2, ADA | {"held_since": ""})

    assert set(since(record_of(nameless, None, MARCH, live=True)).values()) == {"2026-03-01"}
    assert set(since(record_of(person_of(2, ADA), None, MARCH, live=True)).values()) == {"2024-05-01"}


@pytest.mark.parametrize("claimed", ["2020-01-01", "2024-05-01", ""])
def test_a_loader_cannot_date_a_changed_value_back(claimed) -> None:
    before = record_of(person_of(2, ADA), None, MARCH)

    after = record_of(person_of(2, ADA | {"email": "new@example.org", "held_since": claimed}), before, APRIL)

    assert since(after)["email"] == "2026-04-01"
    assert since(after)["phone"] == "2024-05-01"
    assert after["email"] == ["new@example.org", "2026-04-01"]


def test_a_value_that_went_and_came_back_is_new() -> None:
    first = record_of(person_of(2, ADA), None, MARCH)
    without = record_of(person_of(2, ADA | {"phone": ""}), first, MARCH)

    assert since(record_of(person_of(2, ADA), without, APRIL))["phone"] == "2026-04-01"


def test_a_contact_must_have_been_on_file_already() -> None:
    old = record_of(person_of(2, ADA), None, MARCH)
    new = record_of(person_of(2, ADA | {"email": "new@example.org"}), old, APRIL)

    assert contact_of({"a": new}, "email", None) == "new@example.org"
    assert contact_of({"a": new}, "email", APRIL) == "new@example.org"
    assert contact_of({"a": new}, "email", MARCH) == "ada.lovelace@gmail.com"
    assert contact_of({"a": new, "b": old}, "email", MARCH) == "ada.lovelace@gmail.com"
    assert contact_of({"a": new | {"reliable": False}}, "email", None) is None


def test_a_contact_changed_twice_within_days_is_still_the_old_one_for_who_asks_now() -> None:
    """Who changes a contact to their own address, and once more to hide it, is written to at neither."""
    old = record_of(person_of(2, ADA), None, MARCH)
    first = record_of(person_of(2, ADA | {"email": "first@example.org"}), old, APRIL)
    second = record_of(person_of(2, ADA | {"email": "second@example.org"}), first, APRIL + timedelta(days=1))
    asked = APRIL + timedelta(days=2) - timedelta(days=30)

    assert contact_of({"a": second}, "email", asked) == "ada.lovelace@gmail.com"
    assert contact_of({"a": second}, "email", APRIL) == "first@example.org"


def test_who_is_new_is_reached_where_they_were_from_the_first_day_and_not_where_they_are_since() -> None:
    nameless = ADA | {"held_since": ""}
    new = record_of(person_of(2, nameless), None, APRIL, live=True)
    changed = record_of(person_of(2, nameless | {"email": "new@example.org"}), new, APRIL + timedelta(days=1))
    silent = record_of(person_of(2, nameless | {"email": ""}), None, MARCH, live=True)
    given = record_of(person_of(2, nameless), silent, APRIL)

    assert contact_of({"a": new}, "email", MARCH) == "ada.lovelace@gmail.com"
    assert contact_of({"a": changed}, "email", MARCH) is None
    assert contact_of({"a": given}, "email", MARCH) is None


def test_a_changed_contact_is_forgotten_after_half_a_year() -> None:
    old = record_of(person_of(2, ADA), None, MARCH)
    new = record_of(person_of(2, ADA | {"email": "new@example.org"}), old, APRIL)
    later = record_of(person_of(2, ADA | {"email": "new@example.org"}), new, APRIL + timedelta(days=200))

    assert "ada.lovelace" in str(new["earlier"])
    assert "earlier" not in later


def test_a_contact_that_was_taken_out_is_one_that_changed() -> None:
    old = record_of(person_of(2, ADA), None, MARCH)
    gone = record_of(person_of(2, ADA | {"email": ""}), old, APRIL)

    assert contact_of({"a": gone}, "email", None) is None
    assert contact_of({"a": gone}, "email", MARCH) == "ada.lovelace@gmail.com"


def test_what_is_sealed_opens_for_its_person_alone(keys) -> None:
    digests = Digests(keys)
    subject, other = (name(person_of(2, row), digests)[0] for row in (ADA, BEN))
    held = {"accounts/1": record_of(person_of(2, ADA), None, MARCH)}

    sealed = seal_held(held, subject, digests)

    assert open_held(sealed, subject, 1, digests) == held
    assert b"lovelace" not in sealed.lower()
    for wrong, whose in ((sealed, other), (sealed[:-1], subject), (b"d1:", subject), (b"e1:x", subject)):
        with pytest.raises(CannotOpen):
            open_held(wrong, whose, 1, digests)


def test_a_seal_dies_with_its_key(keys) -> None:
    digests = Digests(keys)
    sealed = digests.seal(b"{}", "x")
    keys.rotate("d")
    assert Digests(keys).open(sealed, "x") == b"{}"

    keys.destroy("d1", in_use=lambda _: 0)

    with pytest.raises(KeyGone):
        Digests(keys).open(sealed, "x")


def test_no_two_fields_brands_or_versions_share_digests(keys) -> None:
    keys.rotate("d")
    digests = Digests(keys)

    made = {
        digests.point(version, brand, label, "42")
        for version in (1, 2)
        for brand in ("a", "b")
        for label in ("order_number", "account_number", "name+postcode")
    }

    assert len(made) == 12
    assert {len(one) for one in made} == {32}


def test_references_of_people_outlast_rotations_and_differ_by_link(keys) -> None:
    before = [name(person_of(2, row), Digests(keys)) for row in (ADA, BEN, PARCEL, PARCEL | {"client": "birch"})]
    keys.rotate("d")

    assert [
        name(person_of(2, row), Digests(keys)) for row in (ADA, BEN, PARCEL, PARCEL | {"client": "birch"})
    ] == before
    assert len({subject for subject, _ in before}) == 4
    assert before[0][0].version == 8


def test_the_index_holds_nothing_that_many_share_alone(keys) -> None:
    digests, version = Digests(keys), Version(1, 1)
    row = ADA | {"date_of_birth": "1985-12-10", "transaction_amount": "45.90", "transaction_date": "2026-02-10"}
    held = {"accounts/1": record_of(person_of(2, row), None, MARCH)}

    index = index_of(held, "parcelwise", version, digests)

    alone = (("name", "ada|lovelace"), ("postcode", "84105"), ("date_of_birth", "1985-12-10"),
             ("transaction_amount", "45.90"), ("transaction_date", "2026-02-10"))  # fmt: skip
    assert not index & {digests.point(1, "parcelwise", label, key) for label, key in alone}
    together = {digests.point(1, "parcelwise", f"name+{label}", f"ada|lovelace|{key}") for label, key in alone[1:]}
    assert together <= index


@pytest.mark.parametrize("number", [0, 7, 4_711, 79_999])
def test_the_measured_crowd_is_indexed_as_a_loader_would(keys, number) -> None:
    digests, version = Digests(keys), Version(1, 1)
    held = {"accounts/1": record_of(crowd.person_of(number), None, MARCH)}

    made = {digests.point(1, crowd.BRAND, label, key) for label, key in finders(crowd.keys_of(number))}

    assert made == index_of(held, crowd.BRAND, version, digests)


@pytest.mark.parametrize("column", ["email", "phone", "account_number", "date_of_birth", "transaction_amount"])
def test_a_value_that_cannot_exist_is_told_by_its_column(column) -> None:
    with pytest.raises(WrongRow, match=f"line 7, column {column}: must be a value that can exist"):
        person_of(7, ADA | {column: "-"})


def test_half_an_address_leaves_nobody_out() -> None:
    person = person_of(2, ADA | {"address_line": "Apt 4", "postcode": "?"})

    assert {point.kind for point in person.points} == {"email", "phone", "account_number"} | (
        {point.kind for point in person.points} & {"postcode"}
    )
