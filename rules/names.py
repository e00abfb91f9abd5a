"""Whether a name given fits a name held: by components, never as one string, never by initials.

Measured on people who share a home: whole strings close at 0.92 accept 0.74 % of housemates, given and family
name each close 0.31 % (0.41 % at 0.88), equal ones 0.15 %. So only equal components count; closeness merely does
not veto.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from nameparser import HumanName
from nicknames import NickNamer
from rapidfuzz.distance import JaroWinkler

from rules.spelling import folded, plain

CLOSE: Final = 0.89
"""Jaro-Winkler similarity at which one component may be another spelling: Brian and Bryan, Smith and Smyth (0.893) are,
Mark and Mary (0.883) are not. 0.15 % of pairs of given names drawn from 10,000 people are so close, 0.07 % at 0.92."""
_BETWEEN: Final = "|"
"""Between the parts of a key: no mark of a name, so that a key is not taken apart again."""
_NICKNAMES: Final = NickNamer()
_GENERATIONS: Final = {
    "jr": "jr",
    "junior": "jr",
    "sr": "sr",
    "senior": "sr",
    "i": "i",
    "ii": "ii",
    "2nd": "ii",
    "iii": "iii",
    "3rd": "iii",
    "iv": "iv",
    "4th": "iv",
    "v": "v",
}
_NTH: Final = re.compile(r"\b[234](?:nd|rd|th)\b")
_JOINTS: Final = dict.fromkeys(map(ord, " -'"))
_MARKS: Final = re.compile(r"[.,\"“”()]+")
_TWO_WORDS: Final = re.compile(r"([a-z]{3,}(?:[-'][a-z]{2,})?) ([a-z]{4,}(?:[-'][a-z]{2,})?)")
_SPECIAL: Final = re.compile(
    r"\b(?:mrs|miss|mister|prof|rev|sir|dame|lord|lady|von|van|der|den|del|dos|das|abu|bin|ibn|bint|abd|saint|santa|"
    r"jr|sr|iii|junior|senior|esq|phd|and|the|mac|vom|zur|zum|her|his|king|queen|prince|princess|judge|justice|doctor|"
    r"captain|major|colonel|general|father|sister|brother|mother|president|director|chief|sheikh|imam|rabbi|pope|saint|"
    r"baron|count|duke|earl|abdul|aunt|auntie|uncle|coach|master|madam|madame|professor|pastor|reverend|dean|bishop)\b"
)


class NameFit(StrEnum):
    """How well two names fit."""

    EXACT = "exact"
    FUZZY = "fuzzy"
    """Close, or a nickname, or too little said to tell: proves nothing, and vetoes nothing."""
    NONE = "none"
    UNKNOWN = "unknown"
    """One of both sides has no name."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A name taken apart; a single name is a family name. All of it plain text without dots."""

    given: str
    middle: str
    family: str
    generation: str = ""


@lru_cache(maxsize=16_384)
def fit(offered: str, held: str) -> NameFit:
    """Compare two full names component by component; the order of arguments does not matter.

    Exact is the same given and family name, in either order, however they are spaced and hyphenated. A generation
    (Jr, III) said on both sides and different is another person; said on one side only, it is unclear.
    """
    ours, theirs = parts(offered), parts(held)
    if not ours or not theirs:
        return NameFit.UNKNOWN
    if ours.generation and theirs.generation and ours.generation != theirs.generation:
        return NameFit.NONE
    if _whole(ours) and _whole(theirs) and (_same(ours, theirs) or _same(_turned(ours), theirs)):
        return NameFit.EXACT
    if _near(ours, theirs) or _near(ours, _turned(theirs)) or _near(_turned(ours), theirs):
        return NameFit.FUZZY
    unclear = _married(ours, theirs) or _all_words(ours) == _all_words(theirs)
    return NameFit.FUZZY if unclear else NameFit.NONE


@lru_cache(maxsize=16_384)
def parts(raw: str) -> Parts | None:
    """Take a name apart; `Family, Given` is understood. None when there is no name in it."""
    text = plain(raw)
    if (quick := _TWO_WORDS.fullmatch(text)) and not _SPECIAL.search(text):
        return Parts(quick[1], "", quick[2])
    name = HumanName(_NTH.sub(lambda nth: _GENERATIONS[nth[0]], text))
    words = [_words(part) for part in (name.first, name.middle, name.last)]
    generation, rest = _generation(name.suffix)
    given, middle, family = words
    if not family and not given and (middle or rest or name.title):
        family = middle or rest or _words(name.title)
        middle = ""
    if not family:
        given, family = "", given
    return Parts(given, middle, family, generation) if family else None


def key(raw: str) -> str | None:
    """Given and family name in one order, and the generation if said; None for an initial, which is no name.

    Middle names are not in it, since they are often left out; `fit` looks at them.
    """
    name = parts(raw)
    if not name or not _whole(name):
        return None
    both = sorted(_joined(word) for word in (name.given, name.family) if word)
    return _BETWEEN.join(filter(None, [*both, name.generation]))


def second(raw: str) -> tuple[str, ...]:
    """The key without diacritics and generation, also by what a nickname is short for."""
    name = parts(raw)
    if not name or not _whole(name):
        return ()
    given, family = _joined(folded(name.given)), _joined(folded(name.family))
    longer = sorted(_NICKNAMES.canonicals_of(given)) if given else []
    return tuple(dict.fromkeys(_BETWEEN.join(sorted(filter(None, (first, family)))) for first in (given, *longer)))


def _same(ours: Parts, theirs: Parts) -> bool:
    if ours.generation != theirs.generation:
        return False
    if _letters(ours) & _letters(theirs):
        return True
    if _joined(ours.family) != _joined(theirs.family) or _joined(ours.given) != _joined(theirs.given):
        return False
    return _middles_agree(ours.middle, theirs.middle)


def _letters(name: Parts) -> set[str]:
    """The whole name without what comes and goes between its words: `Smith-Jones`, `Mary Ann`; in either order."""
    first = f"{name.given}{name.middle}"
    return {_joined(first + name.family), _joined(name.family + first)}


def _middles_agree(ours: str, theirs: str) -> bool:
    for one, other in zip(ours.split(), theirs.split(), strict=False):
        if one != other and not ((_initial(one) or _initial(other)) and one[0] == other[0]):
            return False
    return True


def _near(ours: Parts, theirs: Parts) -> bool:
    """Whether it may be one person: everything that both sides say is close, and both say a whole name."""
    if not ours.given or not theirs.given:
        single, other = (ours, theirs) if not ours.given else (theirs, ours)
        return any(_close(single.family, word) for word in (other.given, other.family) if word)
    return _given_near(ours, theirs) and _family_near(ours, theirs)


def _given_near(ours: Parts, theirs: Parts) -> bool:
    one, other = folded(ours.given), folded(theirs.given)
    if one == other or _close(one, other) or _nicknames(one, other):
        return True
    if _initial(one) or _initial(other):
        return False
    return _close(f"{ours.given}{ours.middle}", f"{theirs.given}{theirs.middle}")


def _married(ours: Parts, theirs: Parts) -> bool:
    """Whether it is one given name with quite another family name: people marry."""
    return bool(ours.given) and not _initial(ours.given) and folded(ours.given) == folded(theirs.given)


def _family_near(ours: Parts, theirs: Parts) -> bool:
    """Close, or sharing a part of a double name."""
    one, other = folded(ours.family), folded(theirs.family)
    if _close(one, other):
        return True
    mine, others = (_long_words(folded(f"{name.middle} {name.family}")) for name in (ours, theirs))
    return bool(mine & _long_words(other)) or bool(others & _long_words(one))


def _all_words(name: Parts) -> list[str]:
    return sorted(folded(f"{name.given} {name.middle} {name.family}").split())


def _long_words(text: str) -> set[str]:
    return {word for word in re.split(r"[\s-]+", text) if len(word) > 2}  # noqa: PLR2004  `de`, `la` are no names


def _close(one: str, other: str) -> bool:
    one, other = _joined(folded(one)), _joined(folded(other))
    if _initial(one) or _initial(other):
        return one == other
    return one == other or JaroWinkler.similarity(one, other) >= CLOSE


def _joined(word: str) -> str:
    return word.translate(_JOINTS)


def _nicknames(one: str, other: str) -> bool:
    return other in _NICKNAMES.nicknames_of(one) or one in _NICKNAMES.nicknames_of(other)


def _whole(name: Parts) -> bool:
    """Whether given and family name are more than initials."""
    return not _initial(name.given) and not _initial(name.family)


def _initial(word: str) -> bool:
    return bool(word) and len(_joined(word)) <= 1


def _turned(name: Parts) -> Parts:
    """The same name read family first."""
    return Parts(name.family, name.middle, name.given, name.generation) if name.given else name


def _generation(suffix: str) -> tuple[str, str]:
    """The generation in a suffix, and what else stood there."""
    words = _words(suffix).split()
    found = [_GENERATIONS[word] for word in words if word in _GENERATIONS]
    return (found[0] if found else ""), " ".join(word for word in words if word not in _GENERATIONS)


def _words(text: str) -> str:
    return " ".join(_MARKS.sub(" ", text).split())
