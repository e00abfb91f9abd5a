"""What is sealed or signed between a client and us: JWE to its key, JWE to ours, JWS by its key. One curve: P-256."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from services.kernel.errors import Misconfigured, PermanentError
from services.kernel.keys import KeyStore

SEALED: Final = ("ECDH-ES+A256KW", "A256GCM")
SIGNED: Final = "ES256"
KEY_ID: Final = "rightsbus-1"
"""The name of our own key for what clients seal to us."""
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the group of P-256 (NIST SP 800-186, 3.2.1.3): a private key lies below it."""
_LABEL: Final = "clients/inbound"


class CannotRead(PermanentError):
    """Not sealed to our key, or not signed with the key its sender registered."""


def public_keys(text: str) -> dict[str, Any]:
    """Read a public JWK or JWK set from a file's text, as a set.

    `use: enc` is what we seal to, `use: sig` what we check signatures with; a key without `use` serves both.

    Raises:
        Misconfigured: says what is wrong; a key is never repeated.
    """
    try:
        data = json.loads(text)
    except ValueError:
        raise Misconfigured("the key file must be JSON: a JWK, or a JWK set") from None
    keys = data.get("keys", [data]) if isinstance(data, dict) else None
    if not isinstance(keys, list) or not keys:
        raise Misconfigured("the key file must hold a JWK, or a JWK set with at least one key")
    return {"keys": [_public(number, key) for number, key in enumerate(keys, 1)]}


def _public(number: int, key: Any) -> dict[str, Any]:  # noqa: ANN401  whatever the file holds
    about = f"key {number}"
    if not isinstance(key, dict) or (key.get("kty"), key.get("crv")) != ("EC", "P-256"):
        raise Misconfigured(f'{about} must be of "kty": "EC", "crv": "P-256"')
    if "d" in key:
        raise Misconfigured(f"{about} is a private key; keep it, and give its public half")
    if key.get("use") not in {"enc", "sig", None}:
        raise Misconfigured(f'{about}: "use" must be "enc" or "sig", or be left out')
    try:
        _imported(key).public_key  # noqa: B018  reading it checks the point
    except (JoseError, ValueError, KeyError, TypeError):
        raise Misconfigured(f'{about}: "x" and "y" are no point of P-256') from None
    kept: dict[str, Any] = {name: key[name] for name in ("kty", "crv", "x", "y", "use", "kid") if name in key}
    return kept


def _imported(key: Mapping[str, Any]) -> ECKey:
    return _key(key["x"], key["y"])


@lru_cache(maxsize=4_096)
def _key(x: str, y: str) -> ECKey:
    """A public key; checking that it is a point of the curve is done once."""
    return ECKey.import_key({"kty": "EC", "crv": "P-256", "x": x, "y": y})


def _of_use(keys: Mapping[str, Any] | None, use: str) -> list[Mapping[str, Any]]:
    return [key for key in (keys or {}).get("keys", ()) if key.get("use", use) == use]


def can(keys: Mapping[str, Any] | None) -> tuple[str, ...]:
    """What a client's keys serve for: `enc`, `sig`, both or nothing."""
    return tuple(use for use in ("enc", "sig") if _of_use(keys, use))


def seal(keys: Mapping[str, Any] | None, plain: bytes) -> str | None:
    """Encrypt to a client's key, as a compact JWE of JSON; None when it gave no key for that."""
    found = _of_use(keys, "enc")
    if not found:
        return None
    header = {"alg": SEALED[0], "enc": SEALED[1], "cty": "application/json"}
    if "kid" in found[0]:
        header["kid"] = found[0]["kid"]
    return jwe.encrypt_compact(header, plain, _imported(found[0]), algorithms=list(SEALED))


def signed_by(keys: Mapping[str, Any] | None, token: str) -> bytes:
    """Return what a compact JWS says, if one of these keys signed it.

    Raises:
        CannotRead: none of them did, or it is no JWS.
    """
    for key in _of_use(keys, "sig"):
        try:
            payload: bytes = jws.deserialize_compact(token, _imported(key), algorithms=[SIGNED]).payload
        except (JoseError, ValueError):
            continue
        return payload
    raise CannotRead("not signed with a key that client registered")


class Inbound:
    """Our own key pair for what others seal to us: clients, or whoever `label` names; the same in every process."""

    def __init__(self, keys: KeyStore, *, label: str = _LABEL, key_id: str = KEY_ID) -> None:
        number = int.from_bytes(keys.derive(label)) % (_ORDER - 1) + 1
        pem = ec.derive_private_key(number, ec.SECP256R1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        self._key = ECKey.import_key(pem, {"kid": key_id, "use": "enc"})

    def public(self) -> dict[str, Any]:
        """The public JWK to give to them."""
        return dict(self._key.as_dict(private=False))

    def open(self, token: str) -> str:
        """Decrypt a compact JWE to its text.

        Raises:
            CannotRead: it was not sealed to our key, or its content is no text.
        """
        return self.open_as(token)[0]

    def open_as(self, token: str) -> tuple[str, str | None]:
        """Decrypt a compact JWE to its text, and to what its header says the text is.

        Raises:
            CannotRead: as above.
        """
        try:
            opened = jwe.decrypt_compact(token, self._key, algorithms=list(SEALED))
            kind = opened.protected.get("cty")
            return (opened.plaintext or b"").decode(), kind if isinstance(kind, str) else None
        except (JoseError, ValueError, TypeError):
            raise CannotRead("not sealed to our key") from None
