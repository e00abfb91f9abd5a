"""Whether two halves of what was sent can be told apart by what came back: when each thing came, and what it said."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from scipy.stats import ks_2samp

ALPHA: Final = 0.01
INJECTED_MS: Final = 50.0
ALL: Final = "everything together"
type_pairs = Sequence[tuple[float, float]]
type_times = Mapping[str, list[tuple[float, float]]]
"""When it was sent and how long it took, in milliseconds, by what happened."""
AROUND: Final = 10
"""How many sent before and after tell what everybody waited for at that moment."""


@dataclass(slots=True)
class Side:
    """What one half of the people saw: when each thing came, and the texts it came with."""

    times: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    texts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


def compare(known: Side, unknown: Side, *, expected: int) -> dict[str, Any]:
    """What differs between those who exist and those who do not, and whether 50 ms on one side would be noticed."""
    wrong = [
        f"{what} came {len(known.times[what])} and {len(unknown.times[what])} times of {expected}"
        for what in sorted(known.times.keys() | unknown.times.keys())
        if not len(known.times[what]) == len(unknown.times[what]) == expected
    ]
    wrong += [f"the texts of {what} differ" for what in known.texts if known.texts[what] != unknown.texts[what]]
    told, shifted = apart(known.times, unknown.times), apart(_later(known.times), unknown.times)
    wrong += [f"the time to {what} tells them apart (p {p:.2g})" for what, p in told.items() if p < ALPHA]
    if min(shifted.values(), default=1.0) >= ALPHA:
        wrong.append(f"{INJECTED_MS:g} ms on one side would not be noticed: nothing is proven by this run")
    tests = {
        what: {
            "median_ms": [round(statistics.median(took for _, took in side.times[what])) for side in (known, unknown)]
            if what in known.times else None,
            "p": float(f"{p:.2g}"), "p_with_50_ms_added": float(f"{shifted[what]:.2g}"),
            "separates_50_ms": shifted[what] < ALPHA,
        }
        for what, p in sorted(told.items())
    }  # fmt: skip
    return {"tests": tests, "letters": sorted(known.texts), "wrong": wrong}


def lines(verdict: Mapping[str, Any]) -> Iterator[str]:
    """A verdict for people: every test with its corrected p, then what it comes to."""
    width = max((len(what) for what in verdict["tests"]), default=0)
    for what, one in verdict["tests"].items():
        yield (f"{what:{width}}  p {one['p']:<8.2g} with {INJECTED_MS:g} ms added {one['p_with_50_ms_added']:<8.2g} "
               f"{'separated' if one['separates_50_ms'] else 'not separated'}")  # fmt: skip
    separates = [what for what, one in verdict["tests"].items() if one["separates_50_ms"]]
    apart_now = [what for what, one in verdict["tests"].items() if one["p"] < ALPHA]
    yield f"told apart: {', '.join(apart_now) or 'by nothing'} ({len(verdict['tests'])} tests, Holm, {ALPHA:g})"
    by = ", ".join(separates) or "nothing"
    yield f"injected {INJECTED_MS:g} ms: separated {'yes' if separates else 'no'} (by {by})"


def apart(first: type_times, second: type_times) -> dict[str, float]:
    """How likely each difference is if there is none: two-sample Kolmogorov-Smirnov, corrected by Holm.

    One test per thing that happens, and one of all together: of each request, the mean rank of its times. What
    everybody waited for at that moment is taken off before, as an impostor would: a busy machine hides nothing.
    """
    beyond = {what: _beyond(first[what], second[what]) for what in first if what in second}
    raw = {what: float(ks_2samp(*map(_values, sides)).pvalue) for what, sides in beyond.items()}
    if len(beyond) > 1:
        raw[ALL] = float(ks_2samp(*_together(beyond.values())).pvalue)
    corrected, worst = {}, 0.0
    for number, (what, p) in enumerate(sorted(raw.items(), key=lambda one: one[1])):
        worst = max(worst, min(1.0, p * (len(raw) - number)))
        corrected[what] = worst
    return corrected


def _together(beyond: Iterable[tuple[type_pairs, type_pairs]]) -> tuple[list[float], list[float]]:
    """Of each request the mean of its ranks: what is slow everywhere a little shows, though each time alone is wide."""
    ranks: tuple[dict[float, list[float]], dict[float, list[float]]] = ({}, {})
    for sides in beyond:
        pooled = sorted((value, side, sent) for side in (0, 1) for sent, value in sides[side])
        for at, (_, side, sent) in enumerate(pooled):
            ranks[side].setdefault(sent, []).append(at / len(pooled))
    first, second = ([statistics.mean(some) for some in side.values()] for side in ranks)
    return first, second


def _values(pairs: type_pairs) -> list[float]:
    return [value for _, value in pairs]


def _beyond(first: type_pairs, second: type_pairs) -> tuple[type_pairs, type_pairs]:
    """When each was sent, and how much longer it took than the ones sent around it, whichever side those are of."""
    pooled = sorted([(sent, took, 0) for sent, took in first] + [(sent, took, 1) for sent, took in second])
    sides: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    for at, (sent, took, side) in enumerate(pooled):
        around = pooled[max(0, at - AROUND) : at + AROUND + 1]
        sides[side].append((sent, took - statistics.median(one[1] for one in around)))
    return sides


def _later(times: type_times) -> dict[str, list[tuple[float, float]]]:
    return {what: [(sent, took + INJECTED_MS) for sent, took in some] for what, some in times.items()}
