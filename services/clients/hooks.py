"""How a webhook proves that it comes from us: HMAC-SHA-256 over time and body, with a secret of that client's own."""

import hmac
from datetime import datetime
from typing import Final

from services.kernel.keys import KeyStore

HEADER: Final = "Rightsbus-Signature"
"""`t=<seconds since 1970>,v1=<hex HMAC-SHA-256 of "t.body">`."""


def secret(keys: KeyStore, client: str, round_: int) -> str:
    """The secret a client checks signatures with; derived, so it is stored nowhere. A new round is a new secret."""
    text = f"{len(client)}/{client}/{round_}"
    return hmac.digest(keys.derive("clients/webhooks"), text.encode(), "sha256").hex()


def sign(secret_: str, body: bytes, now: datetime) -> str:
    """The header's value for one delivery."""
    at = str(int(now.timestamp()))
    mac = hmac.digest(secret_.encode(), at.encode() + b"." + body, "sha256").hex()
    return f"t={at},v1={mac}"
