import pytest

from rules.matching import Candidate
from rules.names import NameFit
from schemas.values import PointKind as K
from services.directory import lookup as asking
from services.directory.lookup import contacts, forget, lookup, record_keys, values_of
from tests.support.directory import ADA, BEN, BRAND, PARCEL, offer

pytestmark = [pytest.mark.integration, pytest.mark.anyio]
AT_HOME = {"line1": "842 East 1700 South", "line2": "#4", "city": "SLC", "postcode": "84105-1234"}


async def found(directory, **offers) -> dict[str, list[Candidate]]:
    async with directory.ask() as conn:
        return await lookup(conn, offers, directory.keys)


async def test_a_person_is_found_by_any_value_of_their_own(directory) -> None:
    directory.load(ADA, BEN)

    told = await found(
        directory,
        email=offer(email="Ada.Lovelace@GMAIL.com"),
        phone=offer(phone="001 801 555 0142"),
        address=offer(address=AT_HOME),
        account=offer(account_number="ac1"),
        nobody=offer(name="Ada Lovelace", email="nobody@example.org"),
    )

    assert {q: [{m.kind for m in c.matched} for c in some] for q, some in told.items()} == {
        "email": [{K.EMAIL}],
        "phone": [{K.PHONE}],
        "address": [{K.ADDRESS, K.POSTCODE}],
        "account": [{K.ACCOUNT_NUMBER}],
        "nobody": [],
    }


async def test_everything_that_fits_is_told_with_source_and_day(directory) -> None:
    directory.load(ADA)

    [one] = (await found(directory, q=offer(name="Lovelace, Ada", email="ada.lovelace@gmail.com")))["q"]

    assert (one.name, one.client, one.population) == (NameFit.EXACT, None, "account_holder")
    assert {(m.kind, m.source, str(m.held_since)) for m in one.matched} == {
        (K.EMAIL, "accounts", "2024-05-01"),
        (K.NAME, "accounts", "2024-05-01"),
    }


async def test_second_keys_locate_and_prove_nothing(directory) -> None:
    directory.load(ADA)

    told = await found(
        directory,
        mail=offer(email="adalovelace+shop@googlemail.com"),
        unit=offer(address={"line1": "842 E 1700 S 4", "postcode": "84105"}),
        place=offer(address=AT_HOME | {"city": "Salt Lake City", "region": "UT", "postcode": "84115"}),
    )

    [mail] = told["mail"]
    assert not mail.matched
    assert mail.near == {K.EMAIL}
    assert [{m.kind for m in c.matched} for c in told["unit"]] == [{K.POSTCODE}]
    assert [c.near for c in told["unit"]] == [{K.ADDRESS}]
    assert [c.near for c in told["place"]] == [{K.ADDRESS}]


async def test_a_name_finds_only_together_with_what_narrows_it_down(directory) -> None:
    directory.load(ADA | {"date_of_birth": "1985-12-10", "transaction_amount": "45.90"})

    told = await found(
        directory,
        alone=offer(name="Ada Lovelace"),
        postcode=offer(name="Ada Lovelace", address={"line1": "elsewhere", "postcode": "84105"}),
        amount=offer(name="Ada Lovelace", transactions=[{"amount": "45.90"}]),
        nearby=offer(name="Ida Lovelace", address={"line1": "elsewhere", "postcode": "84105"}),
    )

    assert {q: len(some) for q, some in told.items()} == {"alone": 0, "postcode": 1, "amount": 1, "nearby": 0}


async def test_brands_never_meet(directory) -> None:
    directory.load(ADA)

    told = await found(directory, other=offer("shipdesk", email="ada.lovelace@gmail.com"))

    assert told == {"other": []}


async def test_what_a_crowd_shares_finds_nobody_but_hides_nobody(directory, monkeypatch) -> None:
    monkeypatch.setattr(asking, "CROWD", 3)
    crowd = [BEN | {"link": f"B{n}", "record_keys": f"account_id={n}", "email": f"b{n}@example.org"} for n in range(4)]
    directory.load(*crowd)

    told = await found(
        directory, phone=offer(phone="801 555 0143"), both=offer(phone="801 555 0143", email="b2@example.org")
    )

    assert told["phone"] == []
    assert [{m.kind for m in c.matched} for c in told["both"]] == [{K.EMAIL, K.PHONE}]


async def test_records_of_one_link_are_one_person_and_others_are_not(directory) -> None:
    billing = {**ADA, "system": "billing", "record_keys": "invoice=9", "email": "", "transaction_amount": "45.90"}
    directory.load(ADA, billing, PARCEL)

    told = await found(
        directory, q=offer(phone="8015550142", transactions=[{"amount": "45.9"}], tracking_number="1z0042")
    )

    own, parcel = sorted(told["q"], key=lambda c: c.client or "")
    assert {(m.kind, m.source) for m in own.matched} == {
        (K.PHONE, "accounts"), (K.PHONE, "billing"), (K.TRANSACTION_AMOUNT, "billing"),
    }  # fmt: skip
    assert (parcel.client, {m.kind for m in parcel.matched}) == ("acme", {K.TRACKING_NUMBER})


async def test_an_unreliable_record_is_told_as_such(directory) -> None:
    directory.load(ADA | {"reliable": "no"})

    [one] = (await found(directory, q=offer(name="Ada Lovelace", email="ada.lovelace@gmail.com")))["q"]

    assert one.name is NameFit.FUZZY
    assert [m.reliable for m in one.matched] == [False]


async def test_connectors_get_keys_and_letters_contacts_from_here_alone(directory) -> None:
    directory.load(
        ADA | {"contact_email": "post@example.org", "locale": "fr-CA"},
        ADA | {"system": "web", "record_keys": "visitor_id=v1;site=2", "email": ""},
    )
    [one] = (await found(directory, q=offer(account_number="AC-1")))["q"]

    async with directory.ask() as conn:
        keys = await record_keys(conn, [(one.subject, "web"), (one.subject, "crm")], directory.keys)
        filed = await contacts(conn, [one.subject], directory.keys)
        values = await values_of(conn, [one.subject], directory.keys, [K.EMAIL, K.NAME])

    assert keys == {(one.subject, "web"): [{"visitor_id": "v1", "site": "2"}]}
    assert (filed[one.subject].email, filed[one.subject].locale) == ("post@example.org", "fr-CA")
    assert (filed[one.subject].address or {})["line1"] == "842 E 1700 S Apt 4"
    assert values == {one.subject: {(K.EMAIL, "ada.lovelace@gmail.com"), (K.NAME, "ada|lovelace")}}


async def test_a_forgotten_person_leaves_nothing(directory) -> None:
    directory.load(ADA, BEN)
    [one] = (await found(directory, q=offer(account_number="AC-1")))["q"]

    async with directory.ask() as conn:
        assert await forget(conn, [one.subject]) == {one.subject}
        assert await record_keys(conn, [(one.subject, "accounts")], directory.keys) == {}

    assert (await found(directory, q=offer(account_number="AC-1")))["q"] == []
    left = directory.db.execute("SELECT count(DISTINCT subject) FROM directory.point").fetchall()
    assert (directory.count("person"), left) == (1, [(1,)])


def test_no_value_lies_open_in_any_table(directory) -> None:
    directory.load(ADA, PARCEL)

    tables = ("person", "point", "version", "suppression")
    rows = [row for table in tables for row in directory.rows(table)]
    dump = " ".join(
        value.decode("latin-1") if isinstance(value, bytes) else str(value) for row in rows for value in row
    )
    dump = dump.lower()

    assert BRAND in dump
    for value in ("ada", "lovelace", "gmail", "5550142", "1700", "84105", "ac-1", "0042", "r1"):
        assert value not in dump.replace(BRAND, "")
