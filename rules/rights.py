"""What each right means for the work: who answers it, whether proof is needed, what clients are asked. As data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from schemas.values import ANSWERED_BY_A_PERSON, OPT_OUTS, Action, Population, Right, Role


class By(StrEnum):
    """Who gives the answer."""

    SYSTEMS = "systems"
    BRAND = "brand"
    """The brand's own general account: the same for everybody, so it tells nothing about the person."""
    OPERATOR = "operator"


class PassedOn(StrEnum):
    """When the clients whose records were located are asked."""

    ALWAYS = "always"
    PARCEL_NAMED = "parcel_named"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Meaning:
    """One right.

    `proof`: it must be known who asks. `once_more`: the person is asked a second time before it is done. `first`: its
    place among the requests of one case; opt-outs run first, a deletion last. `only` names who alone may ask.
    """

    by: By
    proof: bool
    passed_on: PassedOn
    action: Action | None = None
    package: bool = False
    once_more: bool = False
    first: int = 5
    only: frozenset[Role] = frozenset()


_ASKED: Final = Meaning(By.SYSTEMS, proof=True, passed_on=PassedOn.ALWAYS, action=Action.EXPORT, package=True, first=1)
_PREFERENCE: Final = Meaning(By.SYSTEMS, proof=False, passed_on=PassedOn.PARCEL_NAMED, action=Action.APPLY, first=0)
_HEARD: Final = Meaning(By.OPERATOR, proof=False, passed_on=PassedOn.NEVER)

MEANINGS: Final[Mapping[Right, Meaning]] = MappingProxyType(
    {
        Right.KNOW_CATEGORIES: _ASKED,
        Right.KNOW_SPECIFIC: _ASKED,
        Right.PORTABILITY: _ASKED,
        Right.THIRD_PARTY_LIST: _ASKED,
        Right.DELETE: Meaning(By.SYSTEMS, proof=True, passed_on=PassedOn.ALWAYS, action=Action.ERASE, first=9),
        Right.CORRECT: Meaning(By.SYSTEMS, proof=True, passed_on=PassedOn.ALWAYS, action=Action.CORRECT),
        Right.DEACTIVATE: Meaning(By.SYSTEMS, proof=True, passed_on=PassedOn.NEVER, action=Action.APPLY),
        Right.OPT_OUT_SALE_SHARE: _PREFERENCE,
        Right.OPT_OUT_TARGETED_ADS: _PREFERENCE,
        Right.OPT_OUT_PROFILING: _PREFERENCE,
        Right.OPT_OUT_MARKETING: _PREFERENCE,
        Right.LIMIT_SENSITIVE: _PREFERENCE,
        Right.WITHDRAW_CONSENT: _PREFERENCE,
        Right.OPT_IN_SALE: Meaning(
            By.SYSTEMS, proof=False, passed_on=PassedOn.NEVER, action=Action.APPLY, once_more=True, first=0
        ),
        Right.SHINE_THE_LIGHT: Meaning(By.BRAND, proof=False, passed_on=PassedOn.NEVER),
        Right.SERVICE_PROVIDER_LIST: Meaning(
            By.BRAND, proof=False, passed_on=PassedOn.NEVER, only=frozenset({Role.CLIENT_STAFF})
        ),
        Right.APPEAL: _HEARD,
        Right.COMPLAINT: _HEARD,
        Right.INQUIRY: _HEARD,
        Right.MINOR_REPORT: Meaning(By.OPERATOR, proof=False, passed_on=PassedOn.ALWAYS, action=Action.ERASE),
        Right.UNCLASSIFIED: _HEARD,
    }
)
"""Right -> what it means; total.

Opt-outs and limits are no verifiable requests (11 CCR § 7026, § 7027, § 7060(b)); an opt-in takes two steps
(11 CCR § 7028). An appeal, a complaint and a question are a person's to answer, and so is a report about a minor:
anybody may make it, what is known is deleted without being confirmed, and the reporter learns nothing.
"""

UNPROVEN: Final = frozenset(right for right, meaning in MEANINGS.items() if not meaning.proof)
"""Rights served without proof of who asks."""
HEARD: Final = ANSWERED_BY_A_PERSON | {Right.UNCLASSIFIED}
"""What everybody may send, whatever law applies: somebody answers."""
TAKEN_BACK: Final = frozenset({Right.OPT_OUT_SALE_SHARE, Right.OPT_OUT_TARGETED_ADS, Right.LIMIT_SENSITIVE})
"""Opt-outs and limits that nobody is asked to take back for a while. Source: Civ. Code 1798.135(c)(4)."""
INFORMS: Final = frozenset({Right.KNOW_CATEGORIES, Right.KNOW_SPECIFIC, Right.PORTABILITY, Right.THIRD_PARTY_LIST})
"""Rights whose answer is information about the person."""
SIGNAL: Final = "gpc"
"""The channel of a browser's opt-out signal."""
SIGNALLED: Final = (Right.OPT_OUT_SALE_SHARE, Right.OPT_OUT_TARGETED_ADS)
"""What the signal asks for: Global Privacy Control; 11 CCR § 7025."""


def in_order(rights: Iterable[Right]) -> list[Right]:
    """Rights of one case in the order they are worked on, each once; as asked where nothing else is said."""
    return sorted(dict.fromkeys(rights), key=lambda right: MEANINGS[right].first)


def asked_by_signal(channel: str, rights: Iterable[Right]) -> list[Right]:
    """What a submission asks for: by the signal's channel always both opt-outs, whatever else it says."""
    said = [right for right in rights if channel != SIGNAL or right in OPT_OUTS]
    return list(dict.fromkeys([*SIGNALLED, *said] if channel == SIGNAL else said))


def acknowledged(right: Right, channel: str) -> bool:
    """Whether a letter of acknowledgement is written at all: not for a signal, which is shown as honoured at once."""
    return channel != SIGNAL and right is not Right.OPT_OUT_MARKETING


def allowed(right: Right, role: Role) -> bool:
    """Whether somebody in this role may ask for a right at all."""
    only = MEANINGS[right].only
    return not only or role in only


def reaches(only: Iterable[Population], population: Population) -> bool:
    """Whether a promise to some populations is one to this person; a promise to none in particular is to all."""
    named = frozenset(only)
    return not named or population in named
