from datetime import UTC, datetime, timedelta

import pytest

from rules.agents import Flaw, acts_for_another, standing
from schemas.public import Mandate
from schemas.values import OPT_OUTS, Reason, Right, Role
from tests.support.policies import handbook

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LAWS, BRANDS = handbook().laws, handbook().brands
CALIFORNIA, VIRGINIA, TEXAS = LAWS["US-CA-CCPA"], LAWS["US-VA-VCDPA"], LAWS["US-TX-TDPSA"]
BRAND = BRANDS["desktopshipper"]
SIGNED = Mandate(kind="signed_permission", signed_at=NOW - timedelta(days=2), expires_at=NOW + timedelta(days=90))
POWER = Mandate(kind="power_of_attorney", reference="deed 7")


def test_a_signed_permission_stands_and_the_person_verifies_or_confirms() -> None:
    found = standing(CALIFORNIA, BRAND, Right.DELETE, SIGNED, NOW)

    assert (found.stands, found.by, found.person_must) == (True, "law", "verify_or_confirm")
    assert "7063" in found.source


def test_a_power_of_attorney_asks_nothing_more_of_the_person() -> None:
    assert standing(CALIFORNIA, BRAND, Right.KNOW_SPECIFIC, POWER, NOW).person_must == "nothing"


@pytest.mark.parametrize("right", sorted(OPT_OUTS))
def test_an_opt_out_needs_the_paper_and_nothing_of_the_person(right) -> None:
    assert standing(CALIFORNIA, BRAND, right, None, NOW).flaw is Flaw.MISSING
    assert standing(CALIFORNIA, BRAND, right, SIGNED, NOW).person_must == "nothing"


def test_laws_without_agents_leave_it_to_the_brands_promise() -> None:
    assert standing(VIRGINIA, BRAND, Right.DELETE, SIGNED, NOW).by == "brand"
    assert standing(TEXAS, BRAND, Right.DELETE, SIGNED, NOW).by == "brand"
    assert standing(TEXAS, BRAND, Right.OPT_OUT_SALE_SHARE, SIGNED, NOW).by == "law"
    assert standing(None, BRAND, Right.CORRECT, SIGNED, NOW).stands


@pytest.mark.parametrize("law", sorted(LAWS))
def test_parents_and_heirs_may_act_under_every_law(law) -> None:
    parental = standing(LAWS[law], BRAND, Right.DELETE, Mandate(kind="parental"), NOW)
    estate = standing(LAWS[law], BRAND, Right.KNOW_SPECIFIC, Mandate(kind="estate"), NOW)

    assert (parental.stands, parental.by) == (True, "law")
    assert (estate.stands, estate.by) == (True, "brand")


def test_where_neither_law_nor_brand_knows_agents_nobody_may_act() -> None:
    alone = BRAND.model_copy(update={"agents": VIRGINIA.agents})

    found = standing(VIRGINIA, alone, Right.DELETE, SIGNED, NOW)

    assert (found.stands, found.by, found.reason) == (False, "nobody", Reason.CLAIM_NOT_COVERED)


@pytest.mark.parametrize(
    ("mandate", "flaw"),
    [
        (None, Flaw.MISSING),
        (SIGNED.model_copy(update={"expires_at": NOW}), Flaw.EXPIRED),
        (SIGNED.model_copy(update={"signed_at": NOW + timedelta(seconds=1)}), Flaw.NOT_YET_SIGNED),
        (SIGNED.model_copy(update={"scope": [Right.KNOW_SPECIFIC]}), Flaw.OUT_OF_SCOPE),
    ],
)
def test_a_flawed_mandate_does_not_stand_and_can_be_mended(mandate, flaw) -> None:
    found = standing(CALIFORNIA, BRAND, Right.DELETE, mandate, NOW)

    assert (found.stands, found.flaw, found.reason) == (False, flaw, Reason.INSUF_VERIFICATION)
    assert standing(CALIFORNIA, BRAND, Right.DELETE, SIGNED, NOW).stands


def test_a_paper_of_another_kind_than_the_law_takes_is_named() -> None:
    strict = CALIFORNIA.model_copy(
        update={"agents": CALIFORNIA.agents.model_copy(update={"proof": ["power_of_attorney"]})}
    )

    assert standing(strict, BRAND, Right.DELETE, SIGNED, NOW).flaw is Flaw.WRONG_KIND


def test_a_mandate_covers_what_its_scope_names() -> None:
    scoped = SIGNED.model_copy(update={"scope": [Right.DELETE]})

    assert standing(CALIFORNIA, BRAND, Right.DELETE, scoped, NOW).stands


def test_agents_and_parents_act_for_another() -> None:
    assert {role for role in Role if acts_for_another(role)} == {Role.AGENT, Role.PARENT}
