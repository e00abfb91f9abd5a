"""Everything the rules know from files, compiled once at start and immutable from then on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from rules.brands import Brand
from rules.errors import PolicyProblem
from rules.laws import Law
from rules.points import PointPolicy, compile_points
from rules.yaml_text import parse


@dataclass(frozen=True, slots=True)
class Handbook:
    """Laws and brands by id, and the points policy."""

    laws: Mapping[str, Law]
    brands: Mapping[str, Brand]
    points: PointPolicy

    @classmethod
    def compile(cls, files: Mapping[str, str]) -> Self:
        """Compile file texts, keyed by their path below `policies/`.

        Raises:
            PolicyProblem: the first thing wrong, with file, line and reason.
        """
        laws: dict[str, Law] = {}
        brands: dict[str, Brand] = {}
        for path, text in sorted(files.items()):
            if path.startswith("laws/"):
                law = parse(f"policies/{path}", text, Law)
                _once(laws, law.id, path)
                laws[law.id] = law
            elif path.startswith("brands/"):
                brand = parse(f"policies/{path}", text, Brand)
                _once(brands, brand.id, path)
                brands[brand.id] = brand
        if "points.yaml" not in files:
            raise PolicyProblem("policies/points.yaml", 1, "the file is missing")
        return cls(laws, brands, compile_points(files["points.yaml"]))


def _once(known: Mapping[str, object], name: str, path: str) -> None:
    if name in known:
        raise PolicyProblem(f"policies/{path}", 1, f"{name} is defined in another file too")
