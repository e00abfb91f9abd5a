"""Everything the rules know from files, compiled once at start and immutable from then on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel

from rules.brands import Brand
from rules.errors import PolicyProblem
from rules.laws import Law
from rules.points import PointPolicy, compile_points
from rules.sessions import Authenticator, compile_authenticators
from rules.yaml_text import parse

_POINTS = "points.yaml"
_AUTHENTICATORS = "authenticators.yaml"
_LAWS, _BRANDS = "laws/", "brands/"


@dataclass(frozen=True, slots=True, eq=False)
class Handbook:
    """Laws and brands by id, the points policy, and who may vouch for a session.

    Two handbooks are never equal: what is derived from one is kept.
    """

    laws: Mapping[str, Law]
    brands: Mapping[str, Brand]
    points: PointPolicy
    authenticators: tuple[Authenticator, ...] = ()

    @classmethod
    def compile(cls, files: Mapping[str, str]) -> Self:
        """Compile file texts, keyed by their path below `policies/`.

        Raises:
            PolicyProblem: the first thing wrong, with file, line and reason.
        """
        laws: dict[str, Law] = {}
        brands: dict[str, Brand] = {}
        for path, text in sorted(files.items(), reverse=True):  # laws before brands, which may name them
            match _read(path, text):
                case Law() as law:
                    _once(laws, law.id, path)
                    laws[law.id] = law
                case Brand() as brand:
                    _once(brands, brand.id, path)
                    _knows_its_laws(brand, laws, path)
                    brands[brand.id] = brand
        if _POINTS not in files:
            raise PolicyProblem(f"policies/{_POINTS}", 1, "the file is missing")
        authenticators = compile_authenticators(files[_AUTHENTICATORS]) if _AUTHENTICATORS in files else ()
        for number, one in enumerate(authenticators):
            if one.brand not in brands:
                raise PolicyProblem(f"policies/{_AUTHENTICATORS}", 1, f"{number}: there is no brand {one.brand}")
        return cls(laws, brands, compile_points(files[_POINTS]), authenticators)


def problems(files: Mapping[str, str]) -> Iterator[PolicyProblem]:
    """Everything wrong with the files, one problem a file; what they say of each other comes when each is right."""
    wrong = 0
    for path, text in sorted(files.items()):
        try:
            _read(path, text)
        except PolicyProblem as problem:
            wrong += 1
            yield problem
    if not wrong:
        try:
            Handbook.compile(files)
        except PolicyProblem as problem:
            yield problem


def _read(path: str, text: str) -> BaseModel | None:
    model = Law if path.startswith(_LAWS) else Brand if path.startswith(_BRANDS) else None
    return parse(f"policies/{path}", text, model) if model else None


def _once(known: Mapping[str, object], name: str, path: str) -> None:
    if name in known:
        raise PolicyProblem(f"policies/{path}", 1, f"{name} is defined in another file too")


def _knows_its_laws(brand: Brand, laws: Mapping[str, Law], path: str) -> None:
    for one in brand.not_bound_by:
        if one.law not in laws:
            raise PolicyProblem(f"policies/{path}", 1, f"not_bound_by: there is no law {one.law}")
