"""Account sessions as signed assertions: whose key signed one, and of which account it speaks."""

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry

from rules.sessions import ALGORITHMS, FILE, Authenticator, account_of
from schemas.public import RequestSubmitted
from services.kernel.errors import Misconfigured

_TYPES: Final = {"ES256": "EC", "Ed25519": "OKP", "PS256": "RSA", "RS256": "RSA"}


class Sessions:
    """Knows the listed authenticators; what nobody listed signed, or signed for something else, says nothing.

    Raises:
        Misconfigured: a key of the list is none.
    """

    def __init__(self, authenticators: Iterable[Authenticator]) -> None:
        self._listed: dict[str, list[tuple[Authenticator, Any]]] = defaultdict(list)
        for one in authenticators:
            self._listed[one.brand] += [(one, _imported(one, key)) for key in one.keys]

    def account(self, submitted: RequestSubmitted, asked_at: datetime) -> str | None:
        """The account whose holder was signed in when this was submitted; None where that is not proven."""
        if submitted.authentication is None:
            return None
        for by, key in self._listed.get(submitted.brand, ()):
            claims = _claims(submitted.authentication, key)
            found = account_of(claims, by, submission_id=submitted.submission_id, asked_at=asked_at) if claims else None
            if found:
                return found
        return None


def _claims(token: str, key: Any) -> dict[str, Any] | None:  # noqa: ANN401  a key of any listed type
    try:
        payload = jws.deserialize_compact(token, key, algorithms=_fitting(key)).payload
        claims = json.loads(payload)
    except (JoseError, ValueError):
        return None
    return claims if isinstance(claims, dict) else None


def _fitting(key: Any) -> list[str]:  # noqa: ANN401
    """What a key of this type may have signed with: the header does not choose."""
    return [name for name in ALGORITHMS if _TYPES[name] == key.key_type]


def _imported(one: Authenticator, key: dict[str, Any]) -> Any:  # noqa: ANN401
    try:
        return JWKRegistry.import_key(key)
    except (JoseError, ValueError, KeyError, TypeError):
        raise Misconfigured(f"{FILE}: a key of {one.issuer} is no JWK") from None
