"""What one letter has to say: by the law that applies, by our own rule, and because it is a kind of refusal. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from rules.brands import Brand
from rules.clauses import Occasion, Statement
from rules.laws import Law
from rules.recourse import deemed_refusal
from schemas.values import OPT_OUTS, Ending, Letter, Right

_OCCASIONS: Final = {
    Letter.ACKNOWLEDGEMENT: (Occasion.ACKNOWLEDGEMENT,),
    Letter.EXTENDED: (Occasion.EXTENSION,),
    Letter.FEE_ASKED: (Occasion.FEE,),
    Letter.UNVERIFIED: (Occasion.UNVERIFIED, Occasion.REFUSAL),
    Letter.DENIED: (Occasion.REFUSAL,),
}
_ALWAYS: Final = {
    Letter.ACKNOWLEDGEMENT: (
        Statement.HOW_IT_IS_HANDLED,
        Statement.HOW_IDENTITY_IS_VERIFIED,
        Statement.WHEN_TO_EXPECT_AN_ANSWER,
    ),
    Letter.EXTENDED: (Statement.REASON, Statement.NEW_DATE),
    Letter.FEE_ASKED: (Statement.REASON, Statement.LEGAL_PROVISION, Statement.COST_ESTIMATE),
    Letter.UNVERIFIED: (Statement.NOT_VERIFIED, Statement.LEGAL_PROVISION),
    Letter.DENIED: (Statement.REASON, Statement.LEGAL_PROVISION),
}
"""What both policies promise everybody: reasons of a refusal, date and way of an answer, whatever the law asks for."""
_REFUSING: Final = frozenset({Letter.DENIED, Letter.UNVERIFIED})
_STANDS_FOR: Final = {Statement.REASON: Statement.NOT_VERIFIED}
"""In a letter to somebody nobody could verify that is the reason."""


@dataclass(frozen=True, slots=True)
class Written:
    """The letter, the right it is about, the day it is written, and how the request ended if it did."""

    letter: Letter
    right: Right
    on: date
    ending: Ending | None = None


def demanded(law: Law | None, brand: Brand, what: Written) -> list[Statement]:
    """Everything a letter has to say, in one order. The same whether or not a record exists."""
    found = set(_ALWAYS.get(what.letter, ()))
    for occasion in _occasions(what):
        found |= law.says(occasion, what.on) if law else frozenset()
    if what.letter is Letter.UNVERIFIED:
        found = {_STANDS_FOR.get(one, one) for one in found}
    if not (brand.fees and brand.fees.estimate):
        found.discard(Statement.COST_ESTIMATE)
    if refuses(what):
        found |= _ways_on(law, brand, what.right)
    if _late(what):
        found |= _ways_on(law, brand, what.right)
        found |= {Statement.DEEMED_REFUSAL} if deemed_refusal(law) else set()
    if what.letter is Letter.CLOSED and what.ending is not Ending.EXPIRED and what.right in OPT_OUTS:
        found.add(Statement.WHETHER_IT_WAS_DONE)
    return [one for one in Statement if one in found]


def refuses(what: Written) -> bool:
    """Whether the letter says no, to all of it or to a part."""
    partly = what.letter is Letter.CLOSED and what.ending is Ending.PARTIALLY_FULFILLED
    return what.letter in _REFUSING or partly


def _late(what: Written) -> bool:
    """Whether the letter tells that there was no answer in time; a request fails when its last day is over."""
    return what.letter is Letter.OVERDUE or (what.letter is Letter.CLOSED and what.ending is Ending.FAILED)


def appeals_to(law: Law | None, brand: Brand, right: Right) -> str | None:
    """Where a refusal can be appealed, if it can: a brand's own appeal stands also where the law knows none."""
    offered = brand.appeal.offered or (law is not None and law.appeal.offered)
    return brand.appeal.to if offered and right is not Right.APPEAL else None


def _ways_on(law: Law | None, brand: Brand, right: Right) -> set[Statement]:
    """What the person can do after a no. Source: PIPEDA, which both policies take as the pattern of a refusal."""
    found = {Statement.HOW_TO_APPEAL} if appeals_to(law, brand, right) else set()
    return found | {Statement.HOW_TO_COMPLAIN} if law else found


def _occasions(what: Written) -> Iterable[Occasion]:
    if what.letter in _REFUSING and what.right is Right.APPEAL:
        return (Occasion.APPEAL_REFUSED,)
    if what.letter is not Letter.CLOSED:
        return _OCCASIONS.get(what.letter, ())
    if what.right is Right.DELETE:
        return (Occasion.DELETED,)
    return (Occasion.OPTED_OUT,) if what.right in OPT_OUTS else ()
