"""Whether two halves of what was sent can be told apart by what came back: when each thing came, and what it said."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from scipy.stats import ks_2samp

ALPHA: Final = 0.01
INJECTED_MS: Final = 50.0
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
    """What differs between those who exist and those who do not."""
    wrong = [
        f"{what} came {len(known.times[what])} and {len(unknown.times[what])} times of {expected}"
        for what in sorted(known.times.keys() | unknown.times.keys())
        if not len(known.times[what]) == len(unknown.times[what]) == expected
    ]
    wrong += [f"the texts of {what} differ" for what in known.texts if known.texts[what] != unknown.texts[what]]
    told, shifted = apart(known.times, unknown.times), apart(_later(known.times), unknown.times)
    wrong += [f"the time to {what} tells them apart (p {p:.2g})" for what, p in told.items() if p < ALPHA]
    wrong += [f"{INJECTED_MS:g} ms on {what} would not be noticed" for what, p in shifted.items() if p >= ALPHA]
    times = {
        what: {
            "median_ms": [round(statistics.median(took for _, took in side.times[what])) for side in (known, unknown)],
            "p": float(f"{p:.2g}"), "p_with_50_ms_added": float(f"{shifted[what]:.2g}"),
        }
        for what, p in sorted(told.items())
    }  # fmt: skip
    return {"times": times, "letters": sorted(known.texts), "wrong": wrong}


def apart(first: type_times, second: type_times) -> dict[str, float]:
    """How likely each difference is if there is none: two-sample Kolmogorov-Smirnov, corrected by Holm.

    What everybody waited for at that moment is taken off before, as an impostor would: a busy machine hides nothing.
    """
    raw = {what: float(ks_2samp(*_beyond(first[what], second[what])).pvalue) for what in first if what in second}
    corrected, worst = {}, 0.0
    for number, (what, p) in enumerate(sorted(raw.items(), key=lambda one: one[1])):
        worst = max(worst, min(1.0, p * (len(raw) - number)))
        corrected[what] = worst
    return corrected


def _beyond(first: type_pairs, second: type_pairs) -> tuple[list[float], list[float]]:
    """How much longer each took than the ones sent around it, whichever side those are of."""
    pooled = sorted([(sent, took, 0) for sent, took in first] + [(sent, took, 1) for sent, took in second])
    sides: tuple[list[float], list[float]] = ([], [])
    for at, (_, took, side) in enumerate(pooled):
        around = pooled[max(0, at - AROUND) : at + AROUND + 1]
        sides[side].append(took - statistics.median(one[1] for one in around))
    return sides


def _later(times: type_times) -> dict[str, list[tuple[float, float]]]:
    return {what: [(sent, took + INJECTED_MS) for sent, took in some] for what, some in times.items()}
