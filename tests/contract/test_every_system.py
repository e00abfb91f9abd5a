"""What every connector promises, tried on each kind of system."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from connectors.port import Chunk, Receipt, Trouble
from schemas.values import Action, Medium, Outcome, Reason, Right
from tests.contract.company import ACORN, BIRCH, NOBODY, Basket, correct, erase, prefer, task
from tests.contract.worlds import World

OF_PERSON_1 = {
    "person": "id", "invoice": "person_id", "visit": "person_id", "parcel": "person_id", "delivery_time": "person_id",
    "newsletter": "person_id",
}  # fmt: skip


def can(world: World, action: Action) -> bool:
    """Whether a system does that at all; where it does not, it must say so."""
    if action not in world.can:
        [answer] = world.do(task(action, 1, name="what it cannot do"))
        assert isinstance(answer, Trouble)
        assert (answer.retry, answer.code) == (False, "not_supported")
    return action in world.can


def test_a_deletion_erases_masks_aggregates_and_keeps_as_declared(world: World) -> None:
    receipt = world.one(erase(1))

    assert receipt.outcome is Outcome.RETAINED
    assert receipt.counts == {
        "commercial": 2, "consent": 1, "customer_records": 1, "identifiers": 2, "inferences": 2,
        "internet_activity": 1, "protected": 1,
    }  # fmt: skip
    assert world.rows("person", id=1) == []
    assert world.rows("answer", newsletter_id=701) == []
    assert world.rows("delivery_time", person_id=1) == []
    [letter] = world.rows("newsletter", person_id=1)
    assert (letter["email"], letter["topic"], letter["origin"]) == ("erased-1", None, None)
    assert (letter["score"], letter["born_on"], letter["consent"]) == ("0", "1980-01-01", "C1")
    [visit] = world.rows("visit", id=1)
    assert visit == {"id": "1", "person_id": None, "postcode": "841", "browser": "erased", "pages": "1"}
    assert [row["email"] for row in world.rows("invoice", person_id=1)] == [None, None]


def test_what_was_made_a_figure_of_is_nobodys_any_more(world: World) -> None:
    if not (can(world, Action.EXPORT) and can(world, Action.ERASE)):
        return
    world.one(erase(1))
    [figure] = world.rows("visit", id=1)
    wanted, basket = task(Action.EXPORT, 1), Basket()
    world.perform([wanted], basket)
    world.one(erase(1, name="again"))

    assert basket.of(wanted.task_id, "visit") == []
    assert world.rows("visit", id=1) == [figure]
    assert "Person 1" not in str(figure)
    assert figure["person_id"] is None


def test_what_is_kept_is_told_with_reason_and_end(world: World) -> None:
    receipt = world.one(erase(1))

    consent, invoices = sorted(receipt.retained, key=lambda kept: kept.count)
    assert (invoices.category, invoices.code, invoices.citation) == (
        "commercial",
        Reason.EXCEPTION_LEGAL_OBLIGATION,
        "26 U.S.C. 6001",
    )
    assert (invoices.count, invoices.until) == (2, date(2027, 1, 10))
    assert (consent.category, consent.code, consent.until) == (
        "consent",
        Reason.EXCEPTION_LEGAL_CLAIMS,
        date(2029, 2, 28),
    )


def test_what_had_to_be_kept_is_erased_once_its_time_is_over(world: World) -> None:
    receipt = world.one(erase(1, today=date(2026, 6, 1)))
    late = world.one(erase(2, today=date(2040, 1, 1)))

    assert [row["number"] for row in world.rows("invoice", person_id=1)] == ["IN-1-0"]
    assert receipt.counts["commercial"] == 3
    assert sorted(kept.count for kept in receipt.retained) == [1, 1]
    assert late.retained == ()
    assert world.rows("invoice", person_id=2) == []
    assert world.rows("newsletter", person_id=2)[0]["consent"] is None


def test_other_peoples_rows_stay_as_they_are(world: World) -> None:
    def others() -> list[Any]:
        return [[row for row in world.rows(table) if row[key] != "1"] for table, key in OF_PERSON_1.items()]

    before, letters = others(), world.rows("answer", newsletter_id=702)
    world.one(erase(1))

    assert [len(some) for some in before] == [2, 4, 2, 4, 4, 2]
    after = others()
    after[2] = [row for row in after[2] if row["person_id"] is not None]
    assert after == before
    assert world.rows("answer", newsletter_id=702) == letters


def test_the_same_task_again_gives_the_same_receipt_and_does_nothing(world: World) -> None:
    first = world.one(erase(1))
    world.add("person", {"id": 1, "name": "Somebody Else", "email": "else@example.org", "card": None, "note": None})

    again = world.one(erase(1))

    assert again == first
    assert len(world.rows("person", id=1)) == 1


def test_a_task_given_twice_in_one_call_is_done_once(world: World) -> None:
    first, second = world.do(erase(1), erase(1))

    assert first == second


def test_two_requests_about_one_person_both_get_a_true_account(world: World) -> None:
    first, second = world.do(erase(1, name="one"), erase(1, name="other"))

    assert isinstance(first, Receipt)
    assert isinstance(second, Receipt)
    assert first.task_id != second.task_id
    assert {first.outcome, second.outcome} == {Outcome.RETAINED}
    assert world.rows("person", id=1) == []


@pytest.mark.parametrize("person", [None, 99, "007007"])
def test_nobody_found_says_so(world: World, person: Any) -> None:
    receipt = world.one(erase(person))

    assert (receipt.outcome, receipt.counts, receipt.retained) == (Outcome.NOT_FOUND, {}, ())


def test_a_client_reaches_rows_that_came_through_it_and_the_company_none_it_holds_for_a_client(world: World) -> None:
    own = world.one(erase(2))
    assert "shipment_recipient" not in own.counts
    assert len(world.rows("parcel", person_id=2)) == 2

    receipt = world.one(erase(1, client=ACORN))

    assert (receipt.outcome, receipt.counts) == (Outcome.ERASED, {"commercial": 1, "shipment_recipient": 1})
    assert [row["client"] for row in world.rows("parcel", person_id=1)] == [BIRCH]
    assert [row["client"] for row in world.rows("delivery_time", person_id=1)] == [BIRCH]
    assert len(world.rows("parcel", client=ACORN)) == 2


def test_an_export_shows_declared_fields_and_hides_what_is_never_disclosed(world: World) -> None:
    wanted, basket = task(Action.EXPORT, 1), Basket()

    [receipt] = world.perform([wanted], basket)

    assert isinstance(receipt, Receipt)
    assert receipt.outcome is Outcome.EXPORTED
    assert receipt.counts == {
        "commercial": 4, "consent": 1, "customer_records": 1, "identifiers": 4, "inferences": 2,
        "internet_activity": 1, "protected": 1,
    }  # fmt: skip
    assert basket.of(wanted.task_id, "person") == [
        {"name": "Person 1", "email": "person.1@example.org", "card": {"held": True, "type": "payment_card"}}
    ]
    days = [row["issued_on"] for row in basket.of(wanted.task_id, "invoice")]
    assert days == ["2026-01-10", "2024-01-10"]
    assert [row["mood"] for row in basket.of(wanted.task_id, "answer")] == ["merry", "merry"]
    assert len(basket.of(wanted.task_id, "delivery_time")) == 2
    assert basket.of(wanted.task_id, "parcel") == []


def test_an_export_for_a_client_holds_that_clients_rows_only(world: World) -> None:
    wanted, basket = task(Action.EXPORT, 1, client=BIRCH), Basket()

    world.perform([wanted], basket)

    assert [(table, rows) for _, _, table, rows in basket.chunks] == [
        ("parcel", [{"street": "1 Fir St", "shipped_on": "2026-03-01"}])
    ]


def test_an_export_leaves_out_what_is_older_than_asked(world: World) -> None:
    wanted, basket = task(Action.EXPORT, 1, since=date(2025, 1, 1)), Basket()

    world.perform([wanted], basket)

    assert [row["number"] for row in basket.of(wanted.task_id, "invoice")] == ["IN-1-0"]
    assert len(basket.of(wanted.task_id, "answer")) == 2


def test_an_export_leaves_out_what_is_newer_than_asked(world: World) -> None:
    all_of_it, wanted = task(Action.EXPORT, 1), task(Action.EXPORT, 1, until=date(2024, 12, 31))
    whole, basket = Basket(), Basket()

    world.perform([all_of_it], whole)
    world.perform([wanted], basket)

    found = {row["number"] for row in basket.of(wanted.task_id, "invoice")}
    assert found < {row["number"] for row in whole.of(all_of_it.task_id, "invoice")}
    assert found
    assert "IN-1-0" not in found


def test_rows_without_a_day_of_their_own_are_as_old_as_what_they_belong_to(world: World) -> None:
    wanted, basket = task(Action.EXPORT, 1, since=date(2026, 3, 2)), Basket()

    world.perform([wanted], basket)

    assert basket.of(wanted.task_id, "newsletter") == []
    assert basket.of(wanted.task_id, "answer") == []
    assert len(basket.of(wanted.task_id, "person")) == 1


def test_an_export_again_gives_the_same_rows_again(world: World) -> None:
    wanted, first, second = task(Action.EXPORT, 2), Basket(), Basket()

    assert world.perform([wanted], first) == world.perform([wanted], second)

    assert first.chunks == second.chunks
    assert first.chunks


def test_a_correction_changes_the_fields_a_system_holds(world: World) -> None:
    if not can(world, Action.CORRECT):
        return
    one, two, none = world.do(
        correct(1, email="new.1@example.org", name="New Name"), correct(2, name="Other"), correct(3, shoe_size="41")
    )

    assert isinstance(one, Receipt)
    assert isinstance(two, Receipt)
    assert isinstance(none, Receipt)
    assert (one.outcome, one.counts) == (Outcome.CORRECTED, {"identifiers": 2})
    assert (two.outcome, two.counts) == (Outcome.CORRECTED, {"identifiers": 1})
    assert none.outcome is Outcome.UNNEEDED
    assert [(row["name"], row["email"]) for row in world.rows("person")] == [
        ("New Name", "new.1@example.org"),
        ("Other", "person.2@example.org"),
        ("Person 3", "person.3@example.org"),
    ]
    assert world.rows("newsletter", person_id=1)[0]["email"] == "new.1@example.org"


def test_a_preference_is_noted_also_where_there_was_no_row(world: World) -> None:
    if not can(world, Action.APPLY):
        return
    world.add("preference", {"person_id": 1, "no_sale": None, "no_ads": True})

    answers = world.do(
        prefer(1, Right.OPT_OUT_SALE_SHARE), prefer(2, Right.OPT_OUT_SALE_SHARE), prefer(2, Right.OPT_OUT_TARGETED_ADS)
    )

    assert {a.outcome for a in answers if isinstance(a, Receipt)} == {Outcome.APPLIED}
    assert [(row["person_id"], row["no_sale"], row["no_ads"]) for row in world.rows("preference")] == [
        ("1", "true", "true"),
        ("2", "true", "true"),
    ]


def test_an_account_is_deactivated_where_there_is_one_and_nothing_of_it_is_erased(world: World) -> None:
    if not can(world, Action.APPLY):
        return
    world.add("preference", {"person_id": 1, "no_sale": None, "no_ads": True, "closed": None})
    before = world.rows("person")

    done, nothing = world.do(prefer(1, Right.DEACTIVATE), prefer(2, Right.DEACTIVATE))

    assert isinstance(done, Receipt)
    assert isinstance(nothing, Receipt)
    assert (done.outcome, nothing.outcome) == (Outcome.APPLIED, Outcome.NOT_FOUND)
    assert [(row["person_id"], row["closed"]) for row in world.rows("preference")] == [("1", "true")]
    assert world.rows("person") == before


def test_an_opt_in_takes_the_opt_out_back(world: World) -> None:
    if not can(world, Action.APPLY):
        return
    world.do(prefer(1, Right.OPT_OUT_SALE_SHARE))
    world.do(prefer(1, Right.OPT_IN_SALE))

    assert world.rows("preference", person_id=1)[0]["no_sale"] == "false"


MEDIA = ("no_ads_at_all", "no_mail", "no_texts")


@pytest.mark.parametrize(
    ("media", "marked"),
    [
        ([], MEDIA),
        ([Medium.SMS], ["no_texts"]),
        ([Medium.EMAIL, Medium.SMS], ["no_mail", "no_texts"]),
        ([Medium.SMS, Medium.POST], ["no_ads_at_all", "no_texts"]),
    ],
    ids=["everything", "texts alone", "mail and texts", "one without a mark of its own"],
)
def test_marketing_stops_by_what_was_named_and_by_everything_where_nothing_was(
    world: World, media: list[Medium], marked: Sequence[str]
) -> None:
    if not can(world, Action.APPLY):
        return
    done = world.one(prefer(1, Right.OPT_OUT_MARKETING, *media))

    assert done.outcome is Outcome.APPLIED
    [row] = world.rows("preference", person_id=1)
    assert [name for name in MEDIA if row.get(name) == "true"] == list(marked)


def test_people_who_name_different_media_in_one_batch_get_each_their_own(world: World) -> None:
    if not can(world, Action.APPLY):
        return
    world.do(prefer(1, Right.OPT_OUT_MARKETING, Medium.SMS), prefer(2, Right.OPT_OUT_MARKETING, Medium.EMAIL),
             prefer(3, Right.OPT_OUT_MARKETING))  # fmt: skip

    found = {row["person_id"]: [name for name in MEDIA if row.get(name) == "true"] for row in world.rows("preference")}
    assert found == {"1": ["no_texts"], "2": ["no_mail"], "3": list(MEDIA)}


def test_a_preference_the_system_does_not_know_needs_nothing(world: World) -> None:
    if not can(world, Action.APPLY):
        return
    receipt = world.one(prefer(1, Right.LIMIT_SENSITIVE))

    assert receipt.outcome is Outcome.UNNEEDED


def test_one_task_that_is_refused_stops_no_other(world: World) -> None:
    if not (world.refuses and can(world, Action.CORRECT)):
        return
    good = [correct(person, name=f"Name {person}") for person in (1, 3)]

    first, bad, second = world.do(good[0], correct(2, email=NOBODY), good[1])

    assert isinstance(bad, Trouble)
    assert not bad.retry
    assert bad.code.startswith("system_refused")
    assert isinstance(first, Receipt)
    assert isinstance(second, Receipt)
    assert [row["name"] for row in world.rows("person")] == ["Name 1", "Person 2", "Name 3"]


def test_nothing_of_a_person_is_in_a_receipt(world: World) -> None:
    values = {value for table in OF_PERSON_1 for row in world.rows(table) for value in row.values() if value}
    personal = {value for value in values if len(value) > 5} - {"2026-01-10", "2024-01-10", "2026-03-01"}

    told = [repr(answer) for answer in world.do(erase(1), task(Action.EXPORT, 2), erase(3, client=ACORN))]

    assert len(personal) > 20
    assert [value for value in personal - {"2026-01-10", "2024-01-10", "2026-03-01"} if value in str(told)] == [ACORN][
        :0
    ]


def test_the_check_finds_nothing_serious(world: World) -> None:
    found = world.runner.run(world.system.check())

    assert [finding for finding in found if finding.serious] == []


def test_a_sink_that_fails_is_not_hidden(world: World) -> None:
    class NoRoom(Exception):
        pass

    class Full(Basket):
        async def write(self, chunks: Sequence[Chunk]) -> None:
            raise NoRoom

    with pytest.raises(NoRoom):
        world.perform([task(Action.EXPORT, 1)], Full())
