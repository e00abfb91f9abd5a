"""The data map says where it is wrong, and plans who must do what."""

from datetime import timedelta

import pytest

from connectors.datamap import DataMap, Told, compile_map
from connectors.holdings import TOLD_OF
from connectors.review import review
from rules.errors import PolicyProblem
from schemas.values import Action, Population, Right

TABLE = """
      - name: {name}
        record_key: person_id
        key_column: {key}
        category: identifiers
        source: the person
        purposes: [communicate]
        erase: {erase}
        fields: {{email: {{category: identifiers}}}}
"""
WHOLE = """
systems:
  crm: {connector: http, url_env: CRM, brands: [parcelwise], populations: [account_holder], after: [mail],
        holds: [{name: contact, category: identifiers, source: the person, purposes: [communicate]}]}
  mail: {connector: opendsr, url_env: MAIL, brands: [parcelwise], rights: [delete],
         providers: [{name: Meadow Mail, contract: "order form, 7", told: crm}]}
  insight:
    connector: sql
    url_env: INSIGHT
    brands: [parcelwise, shipdesk]
    populations: [recipient]
    tables:
      - {name: trip, record_key: recipient_id, key_column: recipient_id, client_column: client, category: commercial,
         source: our clients, purposes: [research_development_analytics], erase: delete,
         fields: {hours: {category: commercial}}}
  parcels:
    connector: sql
    url_env: PARCELS
    brands: [parcelwise]
    populations: [recipient]
    roles: {client: held for the client}
    tables:
      - {name: parcel, record_key: recipient_id, key_column: id, client_column: client, use: client,
         category: identifiers, source: our clients, purposes: [client_instructed], erase: delete,
         fields: {street: {category: identifiers}}}
"""


def one(tables: str, **more: str) -> DataMap:
    lines = ["systems:", "  shop:", "    connector: sql", "    url_env: SHOP", "    brands: [parcelwise]"]
    return compile_map("\n".join([*lines, *(f"    {k}: {v}" for k, v in more.items()), "    tables:"]) + tables)


def table(name: str = "person", key: str = "id", erase: str = "delete", **more: str) -> str:
    return TABLE.format(name=name, key=key, erase=erase) + "".join(f"        {k}: {v}\n" for k, v in more.items())


def planned(right: Right, client: str | None = None, population: Population | None = None) -> dict[str, Action]:
    found = compile_map(WHOLE).plan(brand="parcelwise", right=right, client=client, population=population)
    return {name: one.action for name, one in found.items()}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("systems: [", 2, "systems.yaml:2"),
        ("systems:\n  shop: {connector: sql, brands: [a]}\n  shop: {connector: sql, brands: [a]}", 3, "twice"),
        ("systems:\n  shop:\n    connector: sql\n    brands: [a]\n    brandz: [a]", 5, "no such key"),
        ("systems:\n  a: {connector: sql, brands: [x], after: [b]}", 2, "no system b; known: a"),
        (
            "systems:\n  a: {connector: sql, brands: [x], providers: [{name: P, contract: terms, told: z}]}",
            2,
            "no system z",
        ),
        (
            "systems:\n  a: {connector: sql, brands: [x], after: [b]}\n  b: {connector: sql, brands: [x], after: [a]}",
            2,
            "systems wait for each other: a after b after a",
        ),
    ],
)
def test_a_wrong_map_says_where_and_what_would_be_right(text: str, line: int, said: str) -> None:
    with pytest.raises(PolicyProblem, match=r"systems\.yaml") as raised:
        compile_map(text)

    assert said in str(raised.value)
    assert raised.value.line == line


@pytest.mark.parametrize(
    ("tables", "more", "said"),
    [
        (table() + table(), {}, "table person is said twice"),
        (table(through="{table: nowhere, column: id}"), {}, "no table nowhere"),
        (table("order", erase="mask") + table("line", through="{table: person, column: id}"), {}, "no table person"),
        (table() + table("note", "person", through="{table: person, column: id}"), {}, "list it before"),
        (table("note", "person", through="{table: person, column: id}") + table(use="client", client_column="c"),
         {}, "`use: client`"),
        (table(use="client"), {"roles": "{client: held}"}, "needs `client_column`"),
        (table(erase="keep"), {}, "goes with `erase: keep`"),
        (table(keep="{code: other, citation: law, days: 3}"), {}, "goes with `erase: keep`"),
    ],
)  # fmt: skip
def test_a_map_that_cannot_work_is_refused(tables: str, more: dict[str, str], said: str) -> None:
    with pytest.raises(PolicyProblem) as raised:
        one(tables, **more)

    assert said in str(raised.value)


def test_every_system_does_its_part_of_a_right_and_no_other() -> None:
    assert planned(Right.DELETE) == {"crm": Action.ERASE, "insight": Action.ERASE, "mail": Action.ERASE}
    assert planned(Right.KNOW_SPECIFIC) == {"crm": Action.EXPORT, "insight": Action.EXPORT}
    assert planned(Right.OPT_OUT_MARKETING) == {}
    assert planned(Right.APPEAL) == {}


def test_erasure_has_an_order_and_export_has_none() -> None:
    plan = compile_map(WHOLE)

    assert plan.plan(brand="parcelwise", right=Right.DELETE, client=None)["crm"].after == ("mail",)
    assert plan.plan(brand="parcelwise", right=Right.KNOW_SPECIFIC, client=None)["crm"].after == ()


def test_copies_for_a_purpose_of_our_own_are_reached_whatever_the_client_says() -> None:
    assert planned(Right.DELETE, population=Population.RECIPIENT) == {"insight": Action.ERASE, "mail": Action.ERASE}


def test_a_clients_instruction_reaches_its_records_and_what_we_made_of_them() -> None:
    assert planned(Right.DELETE, client="acorn") == {"insight": Action.ERASE, "parcels": Action.ERASE}
    assert planned(Right.KNOW_SPECIFIC, client="acorn") == {"parcels": Action.EXPORT}


SHARED = """
systems:
  desk: {connector: manual, brands: [parcelwise], options: {instructions: {erase: "Tell the provider."}}}
  ads: {connector: manual, brands: [parcelwise], options: {instructions: {erase: "Tell it.", apply: "Tell it."}}}
  crm: {connector: http, url_env: CRM, brands: [parcelwise],
        holds: [{name: contact, category: identifiers, source: the person, purposes: [communicate]}],
        providers: [{name: Meadow Mail, contract: "order form, 7", told: desk, confirm_days: 5},
                    {name: Cirrus Hosting, contract: "terms, 4"}]}
  shop: {connector: http, url_env: SHOP, brands: [parcelwise],
         holds: [{name: order, category: commercial, source: the person, purposes: [provide_services]}],
         providers: [{name: Meadow Mail, contract: "order form, 7", told: desk, confirm_days: 9},
                     {name: "Tallow & Sons", contract: "terms, 9", told: desk}]}
  web: {connector: http, url_env: WEB, brands: [parcelwise, shipdesk],
        holds: [{name: visit, category: internet_activity, source: the device, purposes: [marketing]}],
        providers: [{name: Fern Lists, contract: "order, 2", told: ads, told_of: [delete, limit_sensitive]}],
        third_parties: [{name: Harbor Ads, contract: "terms, 3", told: ads, brands: [parcelwise]}]}
"""


def shared(right: Right, client: str | None = None) -> dict[str, Told]:
    acting = ["shop", "crm", "web"]
    return compile_map(SHARED).told(right, brand="parcelwise", acting=acting, client=client)


def test_a_provider_of_several_systems_is_told_once_with_the_keys_of_all() -> None:
    told = compile_map(SHARED).told(Right.DELETE, brand="parcelwise", acting=["shop", "crm"])

    assert {name: (one.action, one.through, one.keys_from, one.within.days) for name, one in told.items()} == {
        "own/provider:meadow-mail": (Action.ERASE, "desk", ("crm", "shop"), 5),
        "own/provider:tallow-sons": (Action.ERASE, "desk", ("shop",), 10),
    }


def test_only_those_who_get_data_of_systems_that_act_are_told_of_a_deletion() -> None:
    told = compile_map(SHARED).told(Right.DELETE, brand="parcelwise", acting=["crm"])

    assert list(told) == ["own/provider:meadow-mail"]


def test_a_third_party_is_told_of_deletions_and_of_the_opt_outs_from_what_it_gets() -> None:
    told = {right: list(shared(right)) for right in TOLD_OF}

    assert {right for right, names in told.items() if "own/third-party:harbor-ads" in names} == {
        Right.DELETE, Right.OPT_OUT_SALE_SHARE, Right.OPT_OUT_TARGETED_ADS,
    }  # fmt: skip
    assert told[Right.LIMIT_SENSITIVE] == ["own/provider:fern-lists"]
    assert shared(Right.OPT_OUT_SALE_SHARE)["own/third-party:harbor-ads"].action is Action.APPLY


def test_a_third_party_is_told_about_people_of_its_own_brands_only() -> None:
    assert not compile_map(SHARED).told(Right.OPT_OUT_SALE_SHARE, brand="shipdesk", acting=[])


def test_what_is_held_for_a_client_goes_to_service_providers_alone() -> None:
    told = shared(Right.DELETE, client="acorn")

    assert [name for name in told if "third-party" in name] == []
    assert "client:acorn/provider:meadow-mail" in told


def test_nobody_outside_is_told_of_an_access() -> None:
    wrong = SHARED.replace("[delete, limit_sensitive]", "[know_specific]")

    with pytest.raises(PolicyProblem, match="know_specific: nobody outside is told of that"):
        compile_map(wrong)


def test_it_is_seen_when_nothing_would_pass_on_what_somebody_outside_is_told_of() -> None:
    deaf = SHARED.replace(', apply: "Tell it."', "")

    assert [one.where for one in review(compile_map(SHARED)) if one.serious] == []
    assert [one.where for one in review(compile_map(deaf)) if one.serious] == [
        "Fern Lists.told_of", "Harbor Ads.told_of", "Harbor Ads.told_of",
    ]  # fmt: skip


def test_a_system_through_which_providers_are_told_and_that_holds_nothing_has_no_task_of_its_own() -> None:
    assert set(compile_map(SHARED).plan(brand="parcelwise", right=Right.DELETE, client=None)) == {"crm", "shop", "web"}
    assert "crm" in planned(Right.DELETE)


def test_a_system_is_given_more_time_from_attempt_to_attempt() -> None:
    shop = one(table(), first_wait_s="2", longest_wait_s="60").systems["shop"]

    assert [shop.wait(n) for n in (1, 2, 3, 9)] == [timedelta(seconds=s) for s in (2, 4, 8, 60)]
