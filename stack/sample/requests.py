"""The sample requests: what each person sends and says later, and the end it must come to."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from stack.sample.cast import Cast, cast
from stack.sample.people import Human

SOURCE: Final = "webform"
DECLARATION: Final = {"signed_name": "as given", "signed_at": "2026-06-01T12:00:00Z", "text_version": "2026-01"}
UNVERIFIED: Final = "denied/insuf_verification"
DONE: Final = "fulfilled"
MAIL: Final = ("emails", "phones")
THREE: Final = (*MAIL, "account_number")


@dataclass(frozen=True, slots=True)
class Later:
    """Something said later: when asked for it (`waiting_for`), or with the code out of a letter of that name."""

    body: dict[str, Any]
    asked_for: str | None = None
    code_from: str | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """One submission and the public end of each of its requests: status, or status/reason. `parts` must end so."""

    name: str
    value: bytes | dict[str, Any]
    end: str
    later: Later | None = None
    requests: int = 1
    denied: bool = False
    parts: dict[str, str] = field(default_factory=dict)

    @property
    def submission_id(self) -> str | None:
        """The submission's own id; None where it cannot even be read."""
        return self.value.get("submission_id") if isinstance(self.value, dict) else None


def _subject(h: Human, *kinds: str, parcel: bool = False) -> dict[str, Any]:
    known: dict[str, Any] = {
        "emails": [h.email],
        "phones": [h.phone],
        "account_number": h.account,
        "addresses": [{"line1": h.street, "city": h.city, "region": h.region, "postcode": h.postcode}],
    }
    said = {"name": h.name} | {kind: known[kind] for kind in kinds}
    return said | ({"tracking_numbers": [h.shipments[0].tracking_number]} if parcel else {})


def _mail_only(h: Human) -> dict[str, Any]:
    """One point, which proves nothing yet."""
    return {"emails": [h.email]}


def _ask(name: str, h: Human, right: str | Sequence[str], subject: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401
    rights = [right] if isinstance(right, str) else list(right)
    return {
        "submission_id": name, "source": SOURCE, "brand": h.brand, "rights": rights, "subject": subject,
        "residence": {"country": "US", "region": h.region}, "locale": h.locale, **more,
    }  # fmt: skip


def scripts() -> list[Script]:
    """Every sample request, in the order sent. The people are the same each time."""
    c = cast()
    families = (_access, _deletion, _preferences, _confirmed, _parcels, _proof, _strangers, _unreadable, _stopped)
    return [script for family in families for script in family(c)]


def _access(c: Cast) -> list[Script]:
    def access(name: str, h: Human, right: str = "know_specific", **more: Any) -> dict[str, Any]:  # noqa: ANN401
        return _ask(name, h, right, _subject(h, *THREE), declaration=DECLARATION, **more)

    canada = {"country": "CA", "region": "ON"}
    package = {"own/package": "exported"}
    return [
        Script("access", access("access", c.buyer_of_access), DONE, parts=package),
        Script("access-alias", access("access-alias", c.asker_by_alias, "access"), DONE, parts=package),
        Script("access-canada", access("access-canada", c.canadian, residence=canada), DONE, parts=package),
        Script("access-french", access("access-french", c.french), DONE, parts=package),
        Script("portability-spanish", access("portability-spanish", c.spanish, "portability"), DONE, parts=package),
        Script("categories", _ask("categories", c.asker_of_categories, "know_categories",
               _subject(c.asker_of_categories, *MAIL)), DONE, parts=package),
    ]  # fmt: skip


def _deletion(c: Cast) -> list[Script]:
    holder, fixed = c.account_holder, c.corrected
    first = _ask("delete", holder, "delete", _subject(holder, *MAIL))
    all_three = _ask("three-rights", c.all_three, ["delete", "know_specific", "opt_out_sale_share"],
                     _subject(c.all_three, *THREE), declaration=DECLARATION)  # fmt: skip
    correction = _ask("correct", fixed, "correct", _subject(fixed, "emails", "account_number"),
                      corrections=[{"field": "phone", "new": "+18015550123"}])  # fmt: skip
    offline = _ask("delete-offline", c.offline, "delete", _subject(c.offline, *MAIL))
    prospect = _ask("delete-prospect", c.prospect, "delete", _subject(c.prospect, *MAIL))
    return [
        Script("delete", first, DONE, parts={"own/system:accounts": "erased", "own/system:billing": "retained",
               "own/system:web": "erased", "own/suppress": "applied"}),
        Script("delete-again", first, DONE),
        Script("delete-conflicting", first | {"message": "something else"}, "rejected"),
        Script("delete-offline", offline, DONE, parts={"own/system:web": "not_found"}),
        Script("delete-prospect", prospect, DONE, parts={"own/system:accounts": "not_found"}),
        Script("three-rights", all_three, DONE, requests=3),
        Script("correct", correction, DONE, parts={"own/system:accounts": "corrected"}),
    ]  # fmt: skip


def _preferences(c: Cast) -> list[Script]:
    def out(name: str, h: Human, right: str | Sequence[str], subject: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401
        return _ask(name, h, right, subject, **more)

    known, stranger = c.opted_out, {"emails": ["nobody@example.net"]}
    signal = ["opt_out_sale_share", "opt_out_targeted_ads"]
    return [
        Script("opt-out", out("opt-out", known, "opt_out_sale_share", _subject(known, "emails")), DONE,
               parts={"own/system:web": "applied"}),
        Script("opt-out-stranger", out("opt-out-stranger", known, "opt_out_targeted_ads", stranger), DONE,
               parts={"own/system:web": "not_found", "own/suppress": "applied"}),
        Script("browser-signal", out("browser-signal", c.signalled, signal, _subject(c.signalled, "emails"),
               channel="gpc"), DONE, requests=2),
    ]  # fmt: skip


def _confirmed(c: Cast) -> list[Script]:
    """The second brand asks twice before it deletes, because deleting means the whole account."""

    def delete(name: str, h: Human) -> dict[str, Any]:
        return _ask(name, h, "delete", _subject(h, *MAIL))

    def says(*, yes: bool) -> Later:
        return Later({"kind": "confirmation", "accepted": yes}, code_from="confirmation_asked")

    return [
        Script("confirmed", delete("confirmed", c.confirming), DONE, says(yes=True)),
        Script("unconfirmed", delete("unconfirmed", c.silent_on_confirmation), "expired"),
        Script("declined", delete("declined", c.declining), "denied/other", says(yes=False)),
    ]


def _parcels(c: Cast) -> list[Script]:
    """People who get parcels: their data belongs to the merchant, who is asked whatever becomes of our own part."""

    def delete(name: str, h: Human, *kinds: str, parcel: bool = True) -> dict[str, Any]:
        return _ask(name, h, "delete", _subject(h, *kinds, parcel=parcel))

    def passed(h: Human, end: str) -> dict[str, str]:
        return {f"client:{s.client}/handover": end for s in h.shipments}

    late, refused = c.late_namer, c.refused_recipient
    number = Later({"kind": "points", "subject": {"tracking_numbers": [late.shipments[0].tracking_number]}}, "proof")
    correction = _ask("parcel-refused", refused, "correct", _subject(refused, parcel=True),
                      corrections=[{"field": "name", "new": "Fabio Calder-Lorne"}])  # fmt: skip
    instructed = {"client:cedar-books/handover": "completed", "client:cedar-books/system:shipments": "erased"}
    return [
        Script("parcel", delete("parcel", c.recipient), DONE, parts=passed(c.recipient, "completed")),
        Script("parcel-unnamed", delete("parcel-unnamed", c.unnamed_recipient, *MAIL, parcel=False), UNVERIFIED,
               parts=passed(c.unnamed_recipient, "completed")),
        Script("two-senders", delete("two-senders", c.shared_recipient, *MAIL), DONE,
               parts=passed(c.shared_recipient, "completed")),
        Script("two-senders-unnamed", delete("two-senders-unnamed", c.unnamed_shared_recipient, *MAIL, parcel=False),
               UNVERIFIED, parts={"client:birch-outfitters/handover": "completed", **instructed}),
        Script("parcel-and-account", delete("parcel-and-account", c.both, *MAIL), DONE,
               parts=passed(c.both, "completed") | {"own/system:accounts": "erased"}),
        Script("parcel-named-later", delete("parcel-named-later", late, parcel=False), DONE, number,
               parts=passed(late, "completed")),
        Script("parcel-refused", correction, UNVERIFIED, parts=passed(refused, "refused")),
        Script("parcel-instructed", delete("parcel-instructed", c.cedar_recipient), DONE, parts=instructed),
    ]  # fmt: skip


def _proof(c: Cast) -> list[Script]:
    phone = Later({"kind": "points", "subject": {"phones": [c.proven.phone]}}, "proof")
    declared = Later({"kind": "declaration", "declaration": DECLARATION}, "proof")
    detail = Later({"kind": "detail", "rights": ["opt_out_marketing"]}, "detail")
    free = _ask("free-text", c.free_writer, [], _subject(c.free_writer, "emails"), message="Please stop writing to me.")
    late = _ask("declared-later", c.declaring, "know_specific", _subject(c.declaring, *THREE))
    return [
        Script("proof", _ask("proof", c.proven, "delete", _mail_only(c.proven)), DONE, phone),
        Script("declared-later", late, DONE, declared),
        Script("proof-silent", _ask("proof-silent", c.silent, "delete", _mail_only(c.silent)), UNVERIFIED),
        Script("free-text", free, DONE, detail, requests=2),
    ]


def _strangers(c: Cast) -> list[Script]:
    """People who are not who they say, or whom nobody can tell apart: all get the same answer at the same moment."""
    victim, (resident, housemate), (one, other) = c.victim, c.household, c.namesakes
    unknown = {"name": "Nadia Nowhere", "emails": ["nadia@example.net"], "phones": ["+18015550177"]}
    asked = {
        "wrong-points": (victim, {"name": victim.name, "emails": ["other@example.net"], "phones": ["+18015550188"]}),
        "housemate": (resident, _subject(resident, "addresses") | {"emails": [housemate.email]}),
        "ambiguous": (c.twin, _subject(c.twin, *MAIL)),
        "namesakes": (one, {"name": one.name, "phones": [one.phone, other.phone]}),
        "unknown-person": (c.victim, unknown),
    }
    return [Script(name, _ask(name, h, "delete", said), UNVERIFIED) for name, (h, said) in asked.items()]


def _unreadable(c: Cast) -> list[Script]:
    good = _ask("good", c.victim, "delete", _subject(c.victim, "emails"))
    wrong: dict[str, dict[str, Any]] = {
        "bad-email": {"subject": {"emails": ["no-domain"]}},
        "bad-right": {"rights": ["delete", "teleport"]},
        "bad-brand": {"brand": "nobody"},
        "bad-date": {"received_at": "2099-01-01T00:00:00Z"},
    }
    scripts = [Script(name, good | {"submission_id": name} | fields, "rejected") for name, fields in wrong.items()]
    return [*scripts, Script("not-json", b"{]", "rejected")]


def _stopped(c: Cast) -> list[Script]:
    stop = Later({"kind": "withdrawal"}, code_from="acknowledgement")
    withdrawn, denied = (
        _ask(name, h, "delete", _mail_only(h)) for name, h in (("withdrawn", c.withdrawn), ("denied", c.denied))
    )
    return [
        Script("withdrawn", withdrawn, "revoked", stop),
        Script("denied", denied, "denied/suspected_fraud", denied=True),
    ]  # fmt: skip
