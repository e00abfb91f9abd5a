"""Whole journeys through the four decisions, each with who says what when everything else has come to rest."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from schemas.events import TaskFinished
from schemas.public import Subject
from schemas.values import Mode, Outcome, Population, Right
from services.kernel import tokens
from services.kernel.decision import Effect
from tests.support.world import KEY, Person, Setting, World, answer_token, case_of, reply_token, request_of

ADA: dict[str, Any] = {"name": "Ada Quill", "emails": ["ada.quill@example.org"], "phones": ["+18015550123"]}
ACCOUNT: dict[str, Any] = {"account_number": "AC-4711"}
DECLARED = {"signed_name": "Ada Quill", "signed_at": "2026-03-01T12:00:00Z", "text_version": "2026-01"}
HOME = {"country": "US", "region": "WY"}
"""No privacy law there: what is granted is the brand's promise."""
SUBJECT = "00000000-0000-8000-8000-00000000000a"
STRANGER = "00000000-0000-8000-8000-0000000000ff"
"""A request nobody made."""


def own() -> Person:
    """Ada's own account."""
    return Person(SUBJECT, Subject(**ADA, **ACCOUNT))


def recipient(client: str, number: int = 1) -> Person:
    """Ada as a client's recipient, with a parcel of that client."""
    says = Subject(**ADA, tracking_numbers=[f"TRACK-{client}-{number}"])
    return Person(f"00000000-0000-8000-8000-0000000{number:02}{len(client):03}", says, Population.RECIPIENT, client)


def asks(
    name: str, *rights: str, brand: str = "parcelwise", subject: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """A submission of Ada's."""
    said = ADA if subject is None else subject
    return {"submission_id": name, "brand": brand, "rights": list(rights), "subject": said, "residence": HOME, **more}


@dataclass(frozen=True)
class Scene:
    """A setting, and what is done in it. `play` lets things happen in the order the choices say."""

    name: str
    setting: Setting
    play: "Script"

    def __str__(self) -> str:
        return self.name


@dataclass
class Script:
    """Builds a play out of acts; each act begins when the one before has come to rest."""

    acts: list[Callable[[World], None]] = field(default_factory=list)

    def __call__(self, world: World, choices: Iterator[int], at_rest: Callable[[World], None] = lambda _: None) -> None:
        for act in self.acts:
            act(world)
            world.drain(choices)
            at_rest(world)
        world.run_out(choices, at_rest=at_rest)


def play(*acts: Callable[[World], None]) -> Script:
    """One act after the other, then time runs out."""
    return Script(list(acts))


def submitting(**body: Any) -> Callable[[World], None]:
    return lambda world: world.submit(body)


def answering(submission: str, right: Right, kind: str, number: int = 1, **more: Any) -> Callable[[World], None]:
    """An answer with the token its letter holds."""
    request = request_of(submission, right)
    token = answer_token(request, kind, number)
    body = {
        "answer_id": f"{submission}-{kind}-{number}",
        "request_id": request,
        "kind": kind,
        "answer_token": token,
        **more,
    }
    return lambda world: world.answer(body)


def adding(submission: str, right: Right, **subject: Any) -> Callable[[World], None]:
    """Further points, given unasked."""
    body = {"answer_id": f"{submission}-more", "request_id": request_of(submission, right), "kind": "points"}
    return lambda world: world.answer({**body, "subject": subject})


def deciding(submission: str, right: Right, verb: str, **fields: Any) -> Callable[[World], None]:
    return lambda world: world.decide(request_of(submission, right), verb, **fields)


def waiting(**span: float) -> Callable[[World], None]:
    """Time passes, whatever becomes due on the way."""

    def act(world: World) -> None:
        world.run_out(iter(()), world.now + timedelta(**span))

    return act


def finishing(submission: str, right: Right, system: str, outcome: Outcome) -> Callable[[World], None]:
    """A system's word, whenever it comes."""

    def act(world: World) -> None:
        request = request_of(submission, right)
        part = f"own/system:{system}"
        told = TaskFinished(
            event_id=uuid5(UUID(request), f"late/{system}"), occurred_at=world.now, request_id=request,
            case_id=case_of(submission), task_id="late", system=system, part=part, outcome=outcome, attempt=9,
            reply_token=reply_token(part, request, system),
        )  # fmt: skip
        world.publish("tasks", told)

    return act


def replying(submission: str, right: Right, client: str, kind: str, **more: Any) -> Callable[[World], None]:
    request = request_of(submission, right)
    token = reply_token(f"client:{client}/handover", request, client)
    body = {"client": client, "handover_id": request, "request_id": request, "reply_token": token, "type": kind, **more}
    return lambda world: world.reply(body)


def proving(**subject: Any) -> Callable[[World, Effect], dict[str, Any]]:
    """Answer a letter with further points."""
    return lambda _, letter: {"request_id": letter.request_id, "kind": "points", "subject": subject}


def confirming(*, yes: bool) -> Callable[[World, Effect], dict[str, Any]]:
    """Answer a letter with its token."""

    def react(_: World, letter: Effect) -> dict[str, Any]:
        token = answer_token(letter.request_id, "confirmation", letter.body["round"])
        return {"request_id": letter.request_id, "kind": "confirmation", "accepted": yes, "answer_token": token}

    return react


def returning(_: World, letter: Effect) -> dict[str, Any]:
    """Give back the code a letter holds."""
    code = tokens.code(KEY, letter.request_id, "code", letter.body["round"])
    return {"request_id": letter.request_id, "kind": "code", "code": code}


def declaring(_: World, letter: Effect) -> dict[str, Any]:
    """Answer a letter with a signed declaration."""
    return {"request_id": letter.request_id, "kind": "declaration", "declaration": DECLARED}


DELETE, ACCESS, OPT_OUT = Right.DELETE, Right.KNOW_SPECIFIC, Right.OPT_OUT_SALE_SHARE
PARCEL = {**ADA, "tracking_numbers": ["TRACK-acorn-1"]}
MAIL = {"emails": ADA["emails"]}
FULL = {**ADA, **ACCOUNT}
TEXT = {"message": "Please stop writing to me."}
ACORN = Setting(
    people=[recipient("acorn")], modes={"acorn": Mode.FORWARD}, on_request={"acorn": ["received", "completed"]}
)


def acorn(*replies: str, mode: Mode = Mode.FORWARD, own_too: bool = False, **more: Any) -> Setting:
    """A world in which Ada is acorn's recipient, and perhaps an account holder too."""
    people = [recipient("acorn"), *([own()] if own_too else [])]
    return Setting(people=people, modes={"acorn": mode}, on_request={"acorn": list(replies)}, **more)


def mine(**more: Any) -> Setting:
    """A world in which Ada has an account."""
    return Setting(people=[own()], **more)


def crowd() -> Setting:
    """A world in which 21 clients hold records of Ada."""
    names = [f"shop-{number:02}" for number in range(21)]
    people = [recipient(name, number) for number, name in enumerate(names)]
    return Setting(people=people, on_request={name: ["completed"] for name in names})


def scenes() -> list[Scene]:
    """Every scene."""
    return [
        *_own(),
        *_proof(),
        *_confirmed(),
        *_clients(),
        *_stopped(),
        *_operated(),
        *_several(),
        *_choices(),
        *_heard(),
        *_warned(),
    ]


def _warned() -> list[Scene]:
    """What the contact on file is sent, and what comes back from there; who is believed after the public end."""
    access = submitting(**asks("s", "access", brand="shipdesk", subject=FULL, declaration=DECLARED))
    known = {"name": "Ada Quill", "phones": ADA["phones"]}
    two = submitting(**asks("s", "access", subject=known, declaration=DECLARED))
    late = deciding("s", ACCESS, "approve", part="own/review")
    return [
        Scene("warned before access", mine(), play(access)),
        Scene("a code given back", mine(on_letter={"code/1": returning}), play(two)),
        Scene("approved after the public end", mine(), play(two, waiting(days=20), late)),
        Scene("a review denied", mine(), play(two, waiting(days=20), deciding("s", ACCESS, "deny", part="own/review"))),
    ]


def _heard() -> list[Scene]:
    """What a person answers: an appeal that is upheld or turned down, a report about a minor."""
    denied = (
        submitting(**asks("s", "delete")), deciding("s", DELETE, "deny", reason="excessive", basis="b"),
        submitting(**asks("again", "appeal"), refers_to=request_of("s", DELETE)),
    )  # fmt: skip
    no = {"reason": "accuracy_confirmed", "basis": "b"}
    report = submitting(**asks("r", "minor_report", subject=FULL))
    return [
        Scene("appeal upheld", mine(), play(*denied, deciding("again", Right.APPEAL, "approve", part="answer"))),
        Scene("appeal turned down", mine(),
              play(*denied, deciding("again", Right.APPEAL, "deny", part="answer", **no))),
        Scene(
            "appeal of nothing known upheld", mine(),
            play(submitting(**asks("again", "appeal"), refers_to=STRANGER),
                 deciding("again", Right.APPEAL, "approve", part="answer")),
        ),
        *(
            Scene(f"report about a minor, {verb}", acorn("completed", own_too=True),
                  play(report, deciding("r", Right.MINOR_REPORT, verb, part="answer", **no)))
            for verb in ("approve", "deny", "done")
        ),
    ]  # fmt: skip


def _own() -> list[Scene]:
    twice = asks("s", "delete")
    fails = {"accounts": [Outcome.FAILED, Outcome.ERASED]}
    never = {"accounts": [Outcome.FAILED]}
    kept = {"billing": [Outcome.RETAINED]}
    part = "own/system:accounts"
    return [
        Scene("delete own", mine(), play(submitting(**twice))),
        Scene("delete own, some kept", mine(does=kept), play(submitting(**twice))),
        Scene(
            "sent twice, then otherwise",
            mine(),
            play(submitting(**twice), submitting(**twice), submitting(**twice, **TEXT)),
        ),
        Scene(
            "access with declaration",
            mine(),
            play(submitting(**asks("s", "access", subject=FULL, declaration=DECLARED))),
        ),
        Scene(
            "correction",
            mine(),
            play(
                submitting(
                    **asks(
                        "s",
                        "correct",
                        corrections=[{"field": "phone", "new": "+18015550199"}],
                        subject={**MAIL, **ACCOUNT, "name": "Ada Quill"},
                    )
                )
            ),
        ),
        Scene(
            "a system fails and is asked again",
            mine(does=fails),
            play(submitting(**twice), deciding("s", DELETE, "retry", part=part)),
        ),
        Scene(
            "a system fails and is left out",
            mine(does=never),
            play(submitting(**twice), deciding("s", DELETE, "skip", part=part, basis="sold-2025")),
        ),
        Scene("a system fails for good", mine(does=never), play(submitting(**twice))),
        Scene(
            "a system answers after the close",
            mine(does=never),
            play(submitting(**twice), waiting(days=60), finishing("s", DELETE, "accounts", Outcome.ERASED)),
        ),
        Scene("nobody's law, nobody's promise", mine(), play(submitting(**asks("s", "shine_the_light")))),
    ]


def _proof() -> list[Scene]:
    start = submitting(**asks("s", "delete", subject=MAIL))
    wrong = proving(phones=["+18015550188"])
    return [
        Scene("proof given", mine(on_letter={"proof/1": proving(phones=ADA["phones"])}), play(start)),
        Scene(
            "proof given in the second round",
            mine(on_letter={"proof/1": wrong, "proof/2": proving(phones=ADA["phones"])}),
            play(start),
        ),
        Scene("proof wrong twice", mine(on_letter={"proof/1": wrong, "proof/2": wrong}), play(start)),
        Scene("proof silent", mine(), play(start)),
        Scene("unknown person", Setting(), play(start)),
        Scene(
            "declaration later",
            mine(on_letter={"proof/1": declaring}),
            play(submitting(**asks("s", "access", subject=FULL))),
        ),
        Scene(
            "an answer after the end",
            mine(),
            play(
                start,
                waiting(days=20),
                lambda w: w.answer(
                    {"answer_id": "late", "request_id": request_of("s", DELETE), "kind": "points", "subject": FULL}
                ),
            ),
        ),
    ]


def _confirmed() -> list[Scene]:
    start = submitting(**asks("s", "delete", brand="shipdesk"))
    yes = {"confirmation/1": confirming(yes=True)}
    slow = {"waiting_period": timedelta(days=3)}
    return [
        Scene("confirmed", mine(on_letter=yes), play(start)),
        Scene("declined", mine(on_letter={"confirmation/1": confirming(yes=False)}), play(start)),
        Scene("not confirmed", mine(), play(start)),
        Scene(
            "confirmed by telephone", mine(), play(start, deciding("s", DELETE, "done", part="own/hold:confirmation"))
        ),
        Scene("confirmed, with a waiting period", mine(on_letter=yes, windows=slow), play(start)),
        Scene(
            "withdrawn in the waiting period",
            mine(on_letter=yes, windows=slow),
            play(start, answering("s", DELETE, "withdrawal")),
        ),
        Scene(
            "token used twice",
            mine(windows=slow),
            play(
                start,
                answering("s", DELETE, "confirmation", accepted=True),
                answering("s", DELETE, "confirmation", accepted=False),
                answering("s", DELETE, "confirmation", answer_id="other", accepted=False),
            ),
        ),
    ]


def _clients() -> list[Scene]:
    named, unnamed = submitting(**asks("s", "delete", subject=PARCEL)), submitting(**asks("s", "delete"))
    later = {"proof/1": proving(tracking_numbers=["TRACK-acorn-1"])}
    name = submitting(**asks("s", "delete", subject={"name": "Ada Quill"}))
    two = Setting(
        people=[recipient("acorn"), recipient("birch-co", 2)],
        on_request={"acorn": ["completed"], "birch-co": ["received", "refused"]},
    )
    act: dict[str, Any] = {"mode": Mode.ACT_FOR_ME}
    return [
        *[
            Scene(f"parcel named, client says {' then '.join(said) or 'nothing'}", acorn(*said), play(named))
            for said in (
                [],
                ["received"],
                ["completed"],
                ["received", "completed"],
                ["refused"],
                ["not_ours"],
                ["instruct"],
            )
        ],
        Scene("client instructs", acorn("received", "instruct", **act), play(named)),
        Scene(
            "client instructs, its system fails",
            acorn("instruct", does={"shipments": [Outcome.FAILED]}, **act),
            play(named),
        ),
        Scene("no parcel named", acorn("received", "completed"), play(unnamed)),
        Scene("no parcel named, silent client", acorn(), play(unnamed)),
        Scene("two clients, one parcel named", two, play(named)),
        Scene("both populations", acorn("completed", own_too=True), play(named)),
        Scene("both populations, no parcel named", acorn("completed", own_too=True), play(unnamed)),
        Scene("tracking number given later", acorn("completed", on_letter=later), play(name)),
        Scene(
            "parcel named later, client known before",
            acorn("received", "completed"),
            play(unnamed, adding("s", DELETE, tracking_numbers=["TRACK-acorn-1"])),
        ),
        Scene("client only refers", acorn(mode=Mode.REFER_ONLY), play(named)),
        Scene("client disabled", acorn("completed", disabled=frozenset({"acorn"})), play(named)),
        Scene(
            "too many clients", crowd(), play(unnamed, deciding("s", DELETE, "approve", part="client:shop-03/handover"))
        ),
        Scene(
            "client answers after the close",
            acorn(),
            play(named, waiting(days=60), replying("s", DELETE, "acorn", "completed")),
        ),
        Scene(
            "opt-out with a parcel",
            acorn("completed"),
            play(submitting(**asks("s", "opt_out_sale_share", subject=PARCEL))),
        ),
        Scene(
            "complaint with a parcel",
            acorn("completed"),
            play(
                submitting(**asks("s", "complaint", subject=PARCEL, **TEXT)),
                deciding("s", Right.COMPLAINT, "done", part="answer"),
            ),
        ),
    ]


def _stopped() -> list[Scene]:
    proof = submitting(**asks("s", "delete", subject=MAIL))
    hold = submitting(**asks("s", "delete", brand="shipdesk"))
    named = submitting(**asks("s", "delete", subject=PARCEL))
    gone = answering("s", DELETE, "withdrawal")
    never = {"accounts": [Outcome.FAILED]}
    return [
        Scene("withdrawn before proof", mine(), play(proof, gone)),
        Scene("withdrawn before confirmation", mine(), play(hold, gone)),
        Scene("withdrawn after some was done", mine(does=never), play(submitting(**asks("s", "delete")), gone)),
        Scene("withdrawn while a client works", acorn("received"), play(named, gone)),
        Scene(
            "withdrawn while a client works, who answers",
            acorn("received"),
            play(named, gone, replying("s", DELETE, "acorn", "completed")),
        ),
        Scene("withdrawn after the end", mine(), play(submitting(**asks("s", "delete")), gone)),
        Scene("not me", mine(), play(hold, answering("s", DELETE, "not_me"))),
        Scene(
            "not me, of a case of two",
            mine(),
            play(submitting(**asks("s", "delete", "access", brand="shipdesk")), answering("s", DELETE, "not_me")),
        ),
    ]


def _operated() -> list[Scene]:
    proof = submitting(**asks("s", "access", subject=ADA))
    start = submitting(**asks("s", "delete"))
    never = {"accounts": [Outcome.FAILED]}
    part = "own/system:accounts"
    return [
        Scene("operator denies", mine(), play(proof, deciding("s", ACCESS, "deny", reason="suspected_fraud"))),
        Scene(
            "operator approves",
            mine(),
            play(proof, deciding("s", ACCESS, "approve"), deciding("s", ACCESS, "approve", basis="b")),
        ),
        Scene("operator approves nobody", Setting(), play(proof, deciding("s", ACCESS, "approve"))),
        Scene(
            "operator denies the proof alone",
            mine(),
            play(proof, deciding("s", ACCESS, "deny", part="own/verification")),
        ),
        Scene("operator skips the proof", mine(), play(proof, deciding("s", ACCESS, "skip", part="own/verification"))),
        Scene(
            "operator denies one system",
            mine(does=never),
            play(start, deciding("s", DELETE, "deny", part=part, reason="exception_legal_obligation", basis="b")),
        ),
        Scene("operator did it by hand", mine(does=never), play(start, deciding("s", DELETE, "done", part=part))),
        Scene(
            "operator decides about the unknown",
            mine(),
            play(
                *(
                    lambda w, verb=verb: w.decide(STRANGER, verb)
                    for verb in ("approve", "deny", "extend", "retry", "hold")
                )
            ),
        ),
        Scene(
            "operator decides too late",
            mine(),
            play(start, deciding("s", DELETE, "deny", reason="excessive", basis="b"), deciding("s", DELETE, "extend")),
        ),
        Scene(
            "operator lengthens the time",
            mine(does=never),
            play(
                start, deciding("s", DELETE, "extend", basis="complex"), deciding("s", DELETE, "extend", basis="again")
            ),
        ),
    ]


def _several() -> list[Scene]:
    three = ("delete", "access", "opt_out_sale_share")
    all_of_it = submitting(**asks("s", *three, subject=FULL, declaration=DECLARED))
    with_parcel = submitting(**asks("s", *three, subject={**FULL, **PARCEL}, declaration=DECLARED))
    return [
        Scene("three rights", mine(), play(all_of_it)),
        Scene("three rights, access stays unproven", mine(), play(submitting(**asks("s", *three)))),
        Scene(
            "three rights, access fails", mine(does={"billing": [Outcome.FAILED, Outcome.EXPORTED]}), play(all_of_it)
        ),
        Scene("three rights, silent client", acorn(own_too=True), play(with_parcel)),
        Scene(
            "three rights, one withdrawn",
            mine(),
            play(submitting(**asks("s", *three, brand="shipdesk")), answering("s", DELETE, "withdrawal")),
        ),
    ]


def _choices() -> list[Scene]:
    out = submitting(**asks("s", "opt_out_sale_share", subject=MAIL))
    text = submitting(**asks("s", subject=MAIL, **TEXT))
    request = request_of("s", Right.UNCLASSIFIED)

    def detail(**more: Any) -> dict[str, Any]:
        return {"detail/1": lambda *_: {"request_id": request, "kind": "detail", **more}}

    wrong = submitting(**asks("s", "correct"))

    def said(*fields: str) -> dict[str, Any]:
        about = {"request_id": request_of("s", Right.CORRECT), "kind": "detail", "message": "It is wrong."}
        return {"detail/1": lambda *_: {**about, "corrections": [{"field": one, "new": "other"} for one in fields]}}

    return [
        Scene("opt-out", mine(), play(out)),
        Scene("opt-out of a stranger", Setting(), play(out)),
        Scene("opt-out, a system fails", mine(does={"web": [Outcome.FAILED]}), play(out)),
        Scene(
            "opt-out by a browser",
            mine(),
            play(submitting(**asks("s", "opt_out_sale_share", subject=MAIL, channel="gpc"))),
        ),
        Scene("text", mine(), play(text)),
        Scene("text, then a right", mine(on_letter=detail(rights=["opt_out_marketing"])), play(text)),
        Scene("text, then two rights", mine(on_letter=detail(rights=["delete", "access"])), play(text)),
        Scene("text, then more text", mine(on_letter=detail(message="As I said.")), play(text)),
        Scene("correction that says nothing", mine(), play(wrong)),
        Scene("correction, then what is wrong", mine(on_letter=said("name")), play(wrong)),
        Scene("correction, then what would have proven it", mine(on_letter=said("phone")), play(wrong)),
        Scene("correction, then no field", mine(on_letter=said()), play(wrong)),
    ]
