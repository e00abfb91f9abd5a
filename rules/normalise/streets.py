"""US street lines after USPS Publication 28: directionals, suffixes, units. Takes upper-case text."""

import re
from collections.abc import Sequence
from typing import Final

from scourgify.address_constants import (
    DIRECTIONAL_REPLACEMENTS,
    STATE_ABBREVIATIONS,
    STREET_TYPE_ABBREVIATIONS,
)

_SUFFIXES: Final[dict[str, str]] = {k: v for k, v in STREET_TYPE_ABBREVIATIONS.items() if " " not in k}
_DIRECTIONS: Final[dict[str, str]] = {
    **DIRECTIONAL_REPLACEMENTS,
    **{short: short for short in DIRECTIONAL_REPLACEMENTS.values()},
}
_STATES: Final[dict[str, str]] = dict(STATE_ABBREVIATIONS)
REGION: Final = "|".join(sorted({*_STATES, *_STATES.values()}, key=len, reverse=True))
"""An expression for the names and abbreviations of states and territories."""
_OUTER: Final = {"BLDG": "BLDG", "BUILDING": "BLDG", "FL": "FL", "FLR": "FL", "FLOOR": "FL"}
"""Units that hold other units: they come first, and keep their designator when another follows."""
_NUMBERED: Final = frozenset(
    {
        "APT",
        "APARTMENT",
        "STE",
        "SUITE",
        "UNIT",
        "RM",
        "ROOM",
        "DEPT",
        "DEPARTMENT",
        "LOT",
        "SPC",
        "SPACE",
        "TRLR",
        "TRAILER",
        "HNGR",
        "HANGAR",
        "NO",
        "NUMBER",
        "#",
    }
)
_MARK: Final = "#"
_SPELLED: Final = frozenset({"NO", "NUMBER"})
_BARE: Final = {
    "BSMT": "BSMT",
    "BASEMENT": "BSMT",
    "FRNT": "FRNT",
    "LBBY": "LBBY",
    "LOBBY": "LBBY",
    "LOWR": "LOWR",
    "LOWER": "LOWR",
    "OFC": "OFC",
    "OFFICE": "OFC",
    "PH": "PH",
    "PENTHOUSE": "PH",
    "REAR": "REAR",
    "UPPR": "UPPR",
    "UPPER": "UPPR",
}
_ORDINALS: Final = {
    "FIRST": "1ST",
    "SECOND": "2ND",
    "THIRD": "3RD",
    "FOURTH": "4TH",
    "FIFTH": "5TH",
    "SIXTH": "6TH",
    "SEVENTH": "7TH",
    "EIGHTH": "8TH",
    "NINTH": "9TH",
    "TENTH": "10TH",
}
_VALUE: Final = re.compile(r"[A-Z]{1,2}|[A-Z]?-?\d[\w/-]*|\d+-?[A-Z]{1,2}")
_LONG: Final = 5
"""Letters of a suffix that is recognised at a name's end: `WAY` is not, or Broadway would lose it."""
_ORDINAL: Final = re.compile(r"(\d+)(?:ST|ND|RD|TH)")
_BOX: Final = re.compile(r"\b(?:P\.? ?O\.? ?B(?:OX|\.)?|POST OFFICE BOX)[ #.]*(?:NO\.? )?([A-Z]?\d[\w-]*)(?!\w)")
_DASHED: Final = re.compile(r"\b(NORTH|SOUTH)-(EAST|WEST)\b")
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_SHORT_DIRECTIONS: Final = frozenset(DIRECTIONAL_REPLACEMENTS.values())
_SPELLED_OUT: Final = "|".join(sorted((word for word in _SUFFIXES if len(word) >= _LONG), key=len, reverse=True))
_GLUED_SUFFIX: Final = re.compile(rf"([^\W\d_]{{3,}}?)({_SPELLED_OUT})")
_KEPT_DOT: Final = re.compile(r"(?<=\d)\.(?=\d)")
_KEPT_DASH: Final = re.compile(r"(?<=\d)-(?=\w)|(?<=\b\w)-(?=\d)")
_OTHER: Final = re.compile(r"[^\w#&/\u0001\u0002]+")
_GLUED: Final = re.compile(r"#+\s*")


def street(*lines: str) -> str:
    """One form of a street address of one or two lines: `123 N MAIN ST #4B`; empty when nothing is left."""
    words: list[str] = []
    units: list[tuple[str, str]] = []
    for line in lines:
        rest, found = _without_units(_tokens(line))
        if words and len(rest) == 1 and not found and _is_unit(rest[0]):
            rest, found = [], [("", _BARE.get(rest[0], rest[0]))]
        words += rest
        units += found
    if not words:
        return ""
    return " ".join([*_street_words(words), *_unit_words(units)])


def region(name: str) -> str:
    """The two letters of a state, or what was typed."""
    typed = " ".join(name.upper().replace(".", "").split())
    return _STATES.get(typed, typed)


def _tokens(line: str) -> list[str]:
    text = _BOX.sub(r" POBOX \1 ", line)
    text = _DASHED.sub(r"\1\2", text.replace("'", ""))
    text = _KEPT_DASH.sub("\u0002", _KEPT_DOT.sub("\u0001", text))
    text = _OTHER.sub(" ", text).replace("\u0001", ".").replace("\u0002", "-")
    return _GLUED.sub(" # ", text).split()


def _without_units(tokens: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
    rest: list[str] = []
    units: list[tuple[str, str]] = []
    at = 0
    while at < len(tokens):
        size, unit = _unit_at(tokens, at)
        if unit:
            units.append(unit)
            at += size
        else:
            rest.append(tokens[at])
            at += 1
    return rest, units


def _is_unit(word: str) -> bool:
    return word in _BARE or bool(_VALUE.fullmatch(word))


def _unit_at(tokens: Sequence[str], at: int) -> tuple[int, tuple[str, str] | None]:
    """How many tokens the unit that begins here takes, and the unit; none takes nothing."""
    token = tokens[at]
    after = at + 1
    while after < len(tokens) and tokens[after] in {"#", "NO"} and token not in _SPELLED:
        after += 1
    value = tokens[after] if after < len(tokens) else ""
    numbered = token in _NUMBERED or token in _OUTER or token in _BARE
    bare = token == _MARK and value in _BARE
    if numbered and value and (bare or _VALUE.fullmatch(value)) and not _is_street(tokens, at, after):
        return after + 1 - at, (_OUTER.get(token) or _BARE.get(token, ""), _BARE.get(value, value).replace("-", ""))
    if token in _BARE and at == len(tokens) - 1 and at > 1:
        return 1, ("", _BARE[token])
    if at and (ordinal := _ORDINAL.fullmatch(_ORDINALS.get(token, token))) and value in _OUTER:
        return 2, (_OUTER[value], ordinal[1])
    return 0, None


def _is_street(tokens: Sequence[str], at: int, after: int) -> bool:
    """Whether a word like NO, LOWER or SPACE is part of a street's name: a direction or a suffix follows."""
    spelled_out = tokens[at] in _SPELLED or (tokens[at] in _BARE and after == at + 1)
    return spelled_out and not tokens[after][:1].isdigit()


def _street_words(words: list[str]) -> list[str]:
    first = 1 if words[0][:1].isdigit() else 0
    last = len(words) - 1
    if last - first >= 1:
        if words[last] in _DIRECTIONS:
            words[last] = _DIRECTIONS[words[last]]
        if words[first] in _DIRECTIONS and not (last - first == 1 and words[last] in _SUFFIXES):
            words[first] = _DIRECTIONS[words[first]]
    suffix = next((at for at in range(last, first - 1, -1) if words[at] in _SUFFIXES), None)
    if suffix is not None:
        words[suffix] = _SUFFIXES[words[suffix]]
    written = [_word(word, ends=at == last) for at, word in enumerate(words)]
    if suffix is not None:
        return [*_run_on(written[:suffix], first), *written[suffix:]]
    ends = last if last > first and written[last] in _SHORT_DIRECTIONS else last + 1
    return [*_without_glue(_run_on(written[:ends], first)), *written[ends:]]


def _run_on(words: Sequence[str], first: int) -> list[str]:
    """Names in one word, since spaces come and go: `Lake View Dr` is `Lakeview Dr`. A leading direction stays apart."""
    done: list[str] = []
    for at, word in enumerate(words):
        leads = at == first + 1 and words[first] in _SHORT_DIRECTIONS
        if done and not leads and _LETTERS.fullmatch(word) and _LETTERS.fullmatch(done[-1]):
            done[-1] += word
        else:
            done.append(word)
    return done


def _without_glue(words: list[str]) -> list[str]:
    """A suffix typed onto the name, on its own again: `MUELLERSTREET` is `MUELLER ST`."""
    found = _GLUED_SUFFIX.fullmatch(words[-1])
    return [*words[:-1], found[1], _SUFFIXES[found[2]]] if found else words


def _word(word: str, *, ends: bool) -> str:
    if word == "SAINT" and not ends:
        return "ST"
    return "PO BOX" if word == "POBOX" else _ORDINALS.get(word, word)


def _unit_words(units: Sequence[tuple[str, str]]) -> list[str]:
    if len(units) == 1:
        return [f"#{units[0][1]}"]
    ordered = sorted(units, key=lambda unit: unit[0] not in {"BLDG", "FL"})
    return [f"{holder} {value}" if holder else f"#{value}" for holder, value in ordered]
