"""Records that came sealed to us: `content-type: application/jose`, their value a compact JWE to intake's own key."""

from dataclasses import replace
from typing import Any, Final

from schemas.wire import Record, Unreadable
from services.clients.jose import CannotRead, Inbound
from services.kernel.keys import KeyStore

SEALED: Final = "application/jose"
PLAIN: Final = "application/json"
_LABEL, _KEY_ID = "intake/inbound", "rightsbus-intake-1"


class Unsealing:
    """Opens what upstream apps seal; the same key in every process that has the key store."""

    def __init__(self, keys: KeyStore) -> None:
        self._key = Inbound(keys, label=_LABEL, key_id=_KEY_ID)

    def public(self) -> dict[str, Any]:
        """The public JWK to give to upstream apps."""
        return self._key.public()

    def __call__(self, record: Record) -> Record:
        """Return the record as it was before it was sealed; one that was not is left as it is.

        What it was, JSON or a structured CloudEvent, says the JWE's own `cty`.

        Raises:
            Unreadable: it says it is sealed, and is not, or not to our key.
        """
        if not (record.header("content-type") or "").lower().startswith(SEALED):
            return record
        try:
            text, kind = self._key.open_as((record.value or b"").decode())
        except (CannotRead, UnicodeDecodeError):
            rule = "must be a compact JWE to our key, with ECDH-ES+A256KW and A256GCM, as its content-type says"
            raise Unreadable.at("", rule) from None
        others = tuple((name, value) for name, value in record.headers if name.lower() != "content-type")
        return replace(record, value=text.encode(), headers=(*others, ("content-type", (kind or PLAIN).encode())))
