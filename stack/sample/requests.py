"""The sample requests, each with the end it must come to and what the person, a client or an operator does meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from stack.sample.company import TWIN
from stack.sample.people import Human, people

SOURCE: Final = "webform"
DECLARATION: Final = {"signed_name": "as given", "signed_at": "2026-06-01T12:00:00Z", "text_version": "2026-01"}


@dataclass(frozen=True, slots=True)
class Answer:
    """Something said later: on being asked for proof or detail, or with a token out of a letter."""

    when: str
    body: dict[str, Any] = field(default_factory=dict)
    token_from: str | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """One submission and what must become of each of its requests: public status, or status/reason."""

    name: str
    submission: dict[str, Any] | bytes
    expected: tuple[str, ...]
    answers: tuple[Answer, ...] = ()
    operator_denies: bool = False
    parts: dict[str, str] = field(default_factory=dict)


def _subject(h: Human, *kinds: str, parcel: bool = False) -> dict[str, Any]:
    known: dict[str, Any] = {
        "emails": [h.email],
        "phones": [h.phone],
        "account_number": h.account,
        "addresses": [{"line1": h.street, "city": h.city, "region": h.region, "postcode": h.postcode}],
    }
    said = {"name": h.name} | {kind: known[kind] for kind in kinds}
    return said | ({"tracking_numbers": [h.shipments[0].tracking_number]} if parcel else {})


def _ask(name: str, h: Human, rights: Sequence[str], subject: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "submission_id": name, "source": SOURCE, "brand": h.brand, "rights": list(rights), "subject": subject,
        "residence": {"country": "US", "region": h.region}, "locale": "en-US", **more,
    }  # fmt: skip


def scripts() -> list[Script]:
    """Every sample request. People are drawn from the same invented population each time."""
    p = people()
    return [*_own(p), *_confirmed(p), *_recipients(p), *_proof(p), *_impostors(p), *_malformed(p), *_interrupted(p)]


def _own(p: list[Human]) -> list[Script]:
    mail = ("emails", "phones")
    first = _ask("delete-own", p[20], ["delete"], _subject(p[20], *mail))
    third = (*mail, "account_number")
    return [
        Script("delete-own", first, ("fulfilled",), parts={
            "own/system:accounts": "erased", "own/system:billing": "erased", "own/suppress": "applied"}),
        Script("delete-own-again", first, ("fulfilled",)),
        Script("delete-own-conflict", first | {"message": "something else"}, ("rejected",)),
        Script("access-own", _ask("access-own", p[30], ["know_specific"], _subject(p[30], *third),
               declaration=DECLARATION), ("fulfilled",), parts={"own/package": "exported"}),
        Script("access-alias", _ask("access-alias", p[60], ["access"], _subject(p[60], *third), declaration=DECLARATION),
               ("fulfilled",)),
        Script("categories-own", _ask("categories-own", p[70], ["know_categories"], _subject(p[70], *mail)), ("fulfilled",)),
        Script("correct-own", _ask("correct-own", p[80], ["correct"], _subject(p[80], "emails", "account_number"),
               corrections=[{"field": "phone", "new": "+18015550123"}]), ("fulfilled",),
               parts={"own/system:accounts": "corrected"}),
        Script("opt-out-known", _ask("opt-out-known", p[100], ["opt_out_sale_share"], _subject(p[100], "emails")),
               ("fulfilled",), parts={"own/system:web": "applied"}),
        Script("opt-out-unknown", _ask("opt-out-unknown", p[100], ["opt_out_targeted_ads"],
               {"emails": ["nobody@example.net"]}), ("fulfilled",), parts={"own/system:web": "not_found"}),
        Script("prospect-delete", _ask("prospect-delete", p[4], ["delete"], _subject(p[4], *mail)), ("fulfilled",)),
        Script("three-rights", _ask("three-rights", p[110], ["delete", "know_specific", "opt_out_sale_share"],
               _subject(p[110], *third), declaration=DECLARATION), ("fulfilled", "fulfilled", "fulfilled")),
        Script("canadian", _ask("canadian", p[120], ["know_specific"], _subject(p[120], *third), declaration=DECLARATION)
               | {"residence": {"country": "CA", "region": "ON"}}, ("fulfilled",)),
    ]  # fmt: skip


def _confirmed(p: list[Human]) -> list[Script]:
    """The second brand asks twice before it deletes, because deleting means the whole account."""

    def delete(name: str, h: Human) -> dict[str, Any]:
        return _ask(name, h, ["delete"], _subject(h, "emails", "phones"))

    yes = Answer("letter", {"kind": "confirmation", "accepted": True}, "confirmation_asked")
    no = Answer("letter", {"kind": "confirmation", "accepted": False}, "confirmation_asked")
    return [
        Script("delete-confirmed", delete("delete-confirmed", p[11]), ("fulfilled",), (yes,)),
        Script("delete-unconfirmed", delete("delete-unconfirmed", p[21]), ("expired",)),
        Script("delete-declined", delete("delete-declined", p[31]), ("denied/other",), (no,)),
    ]


def _recipients(p: list[Human]) -> list[Script]:
    one, two, both = p[6], p[8], p[2]
    later = Answer("proof", {"kind": "points", "subject": {"tracking_numbers": [p[16].shipments[0].tracking_number]}})
    cedar = next(h for h in p[5:] if h.shipments and h.shipments[0].client == "cedar-books" and not h.account)
    return [
        Script("parcel-named", _ask("parcel-named", one, ["delete"], _subject(one, parcel=True)), ("fulfilled",)),
        Script("no-parcel-named", _ask("no-parcel-named", p[26], ["delete"], _subject(p[26], "emails", "phones")),
               ("denied/insuf_verification",)),
        Script("two-clients", _ask("two-clients", two, ["delete"], _subject(two, "emails", parcel=True)), ("fulfilled",)),
        Script("two-clients-unnamed", _ask("two-clients-unnamed", p[18], ["delete"], _subject(p[18], "emails", "phones")),
               ("denied/insuf_verification",)),
        Script("both-populations", _ask("both-populations", both, ["delete"], _subject(both, "emails", "phones", parcel=True)),
               ("fulfilled",)),
        Script("parcel-later", _ask("parcel-later", p[16], ["delete"], _subject(p[16])), ("fulfilled",), (later,)),
        Script("client-instructs", _ask("client-instructs", cedar, ["delete"], _subject(cedar, parcel=True)), ("fulfilled",),
               parts={"client:cedar-books/system:shipments": "erased"}),
    ]  # fmt: skip


def _proof(p: list[Human]) -> list[Script]:
    more = Answer("proof", {"kind": "points", "subject": {"phones": [p[130].phone]}})
    declare = Answer("proof", {"kind": "declaration", "declaration": DECLARATION})
    detail = Answer("detail", {"kind": "detail", "rights": ["opt_out_marketing"]})
    return [
        Script("proof-given", _ask("proof-given", p[130], ["delete"], _subject(p[130], "emails")), ("fulfilled",), (more,)),
        Script("declaration-later", _ask("declaration-later", p[140], ["know_specific"],
               _subject(p[140], "emails", "phones", "account_number")), ("fulfilled",), (declare,)),
        Script("proof-silent", _ask("proof-silent", p[150], ["delete"], _subject(p[150], "emails")),
               ("denied/insuf_verification",)),
        Script("free-text", _ask("free-text", p[160], [], _subject(p[160], "emails"), message="Please stop writing to me."),
               ("fulfilled", "fulfilled"), (detail,)),
    ]  # fmt: skip


def _impostors(p: list[Human]) -> list[Script]:
    no = ("denied/insuf_verification",)
    wrong = _subject(p[170], "emails") | {"phones": ["+18015550188"]}
    housemate = _subject(p[180], "addresses") | {"name": "Otis Quimby", "emails": ["otis.quimby@example.net"]}
    unknown = {"name": "Nadia Nowhere", "emails": ["nadia@example.net"], "phones": ["+18015550177"]}
    return [
        Script("wrong-points", _ask("wrong-points", p[170], ["delete"], wrong), no),
        Script("housemate", _ask("housemate", p[180], ["delete"], housemate), no),
        Script("ambiguous", _ask("ambiguous", p[TWIN], ["delete"], _subject(p[TWIN], "emails", "phones")), no),
        Script("unknown-person", _ask("unknown-person", p[190], ["delete"], unknown), no),
    ]


def _malformed(p: list[Human]) -> list[Script]:
    good = _ask("x", p[200], ["delete"], _subject(p[200], "emails"))
    return [
        Script("bad-email", good | {"submission_id": "bad-email", "subject": {"emails": ["no-domain"]}}, ("rejected",)),
        Script("bad-right", good | {"submission_id": "bad-right", "rights": ["delete", "teleport"]}, ("rejected",)),
        Script("bad-brand", good | {"submission_id": "bad-brand", "brand": "nobody"}, ("rejected",)),
    ]


def _interrupted(p: list[Human]) -> list[Script]:
    stop = Answer("letter", {"kind": "withdrawal"}, "acknowledgement")
    asked = _ask("denied-by-operator", p[220], ["delete"], _subject(p[220], "emails"))
    return [
        Script("withdrawn", _ask("withdrawn", p[210], ["delete"], _subject(p[210], "emails")), ("revoked",), (stop,)),
        Script("denied-by-operator", asked, ("denied/suspected_fraud",), operator_denies=True),
    ]
