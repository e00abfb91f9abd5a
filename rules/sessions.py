"""Whose signed word about an account session counts, and whether it is fresh. Pure: signatures are checked elsewhere.

A session replaces the points that would be matched, never the declaration. Source: 11 CCR § 7061.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, field_validator

from rules.errors import PolicyProblem
from rules.yaml_text import parse
from schemas.scalars import Slug

FILE: Final = "policies/authenticators.yaml"
ALGORITHMS: Final = ("ES256", "Ed25519", "PS256", "RS256")
"""What an assertion may be signed with; never `none`, never a secret both sides hold."""
SKEW: Final = timedelta(minutes=1)
"""How far the authenticator's clock may be ahead of ours."""
_PRIVATE: Final = frozenset({"d", "k", "p", "q"})


class Authenticator(BaseModel):
    """One service that signs people in: for which brand it may speak, under which public keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str = Field(min_length=1)
    brand: Slug
    keys: list[dict[str, Any]] = Field(min_length=1, description="public JWKs")
    fresh_minutes: int = Field(10, ge=1, le=1_440, description="how long ago the person may have signed in")
    source: str = Field(min_length=1)

    @field_validator("keys")
    @classmethod
    def _public(cls, keys: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if any(key.get("kty") not in {"EC", "OKP", "RSA"} or _PRIVATE & key.keys() for key in keys):
            message = "must be public JWKs of kty EC, OKP or RSA, without their private half"
            raise ValueError(message)
        return keys


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    authenticators: list[Authenticator] = []


def compile_authenticators(text: str) -> tuple[Authenticator, ...]:
    """Read the list from the text of its file.

    Raises:
        PolicyProblem: says file, line and what would be right.
    """
    found = tuple(parse(FILE, text, _File).authenticators)
    if len({(one.issuer, one.brand) for one in found}) < len(found):
        raise PolicyProblem(FILE, 1, "authenticators: an issuer is listed twice for one brand")
    return found


def account_of(claims: Mapping[str, Any], by: Authenticator, *, submission_id: str, asked_at: datetime) -> str | None:
    """The account an assertion speaks of; None unless it was made for this submission, soon after a sign-in.

    `claims` are those of a payload whose signature was checked: `iss`, `aud` (the brand), `sub` (the account number),
    `auth_time` (seconds since 1970), `submission_id`, which keeps one assertion from serving another submission.
    """
    said = (claims.get("iss"), claims.get("aud"), claims.get("submission_id"))
    account, signed_in = claims.get("sub"), claims.get("auth_time")
    if said != (by.issuer, by.brand, submission_id) or not isinstance(account, str) or not account:
        return None
    if not isinstance(signed_in, int | float) or isinstance(signed_in, bool):
        return None
    age = asked_at.timestamp() - signed_in
    fresh = -SKEW.total_seconds() <= age <= timedelta(minutes=by.fresh_minutes).total_seconds()
    return account if fresh else None
