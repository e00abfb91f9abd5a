"""What a request is called towards a client: by another name for each, so that two of them cannot compare theirs.

The name is the request's id under a cipher of that client's own key. So it needs no table, leads back to its request
for whoever holds the keys, and to nothing for anybody else.
"""

import hmac
from uuid import UUID

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from rules.parts import handover
from services.kernel import tokens
from services.kernel.keys import KeyStore


class Handovers:
    """Names hand-overs, and finds the request behind a name; the same in every process that has the key store."""

    def __init__(self, keys: KeyStore) -> None:
        self._key, self._tokens = keys.derive("clients/handovers"), keys.derive("tokens")

    def name(self, client: str, request_id: str) -> str:
        """The id of the hand-over of a request to a client: UUID-shaped, none of its bits with a meaning."""
        return str(UUID(bytes=self._cipher(client).encryptor().update(UUID(request_id).bytes)))

    def request(self, client: str, handover_id: str) -> str:
        """The request behind a name; an id that is nobody's where this client was never given that name.

        Raises:
            ValueError: it is not even UUID-shaped.
        """
        return str(UUID(bytes=self._cipher(client).decryptor().update(UUID(handover_id).bytes)))

    def token(self, client: str, request_id: str) -> str:
        """The capability a client is given with its hand-over."""
        return tokens.reply_token(self._tokens, handover(client), request_id, client)

    def proven(self, client: object, handover_id: object, token: object) -> str | None:
        """The request whose hand-over somebody shows the token of; None where they do not, whatever they wrote."""
        if not (isinstance(client, str) and isinstance(handover_id, str) and isinstance(token, str)):
            return None
        try:
            request = self.request(client, handover_id)
        except ValueError:
            return None
        return request if tokens.matches(self.token(client, request), token) else None

    def _cipher(self, client: str) -> Cipher[modes.ECB]:
        """A UUID is one block of AES, and a name stands for one request only: there is nothing to chain."""
        key = hmac.digest(self._key, client.encode(), "sha256")
        return Cipher(algorithms.AES256(key), modes.ECB())  # noqa: S305  one block under one key is a permutation
