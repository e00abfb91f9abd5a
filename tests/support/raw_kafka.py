"""A Kafka client of a few lines, to knock at a listener without the manners of a real one."""

import contextlib
import socket
import struct
from typing import Self

SASL_HANDSHAKE, SASL_AUTHENTICATE, DESCRIBE_CLUSTER, METADATA = 17, 36, 60, 3
ACCEPTED, BAD_PASSWORD, MECHANISM_UNKNOWN = 0, 58, 33


class Knock:
    """One connection; `None` for an answer means that the broker hung up."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def anonymous(self, api: int = DESCRIBE_CLUSTER) -> bytes | None:
        """Ask something without saying who asks."""
        return self._ask(api, 0, b"\x00\x00" if api == DESCRIBE_CLUSTER else struct.pack(">i", -1))

    def plain(self, username: str, password: str) -> int | None:
        """Log in by PLAIN; give the error code."""
        refused = self._handshake("PLAIN")
        if refused != ACCEPTED:
            return refused
        token = f"\0{username}\0{password}".encode()
        answer = self._ask(SASL_AUTHENTICATE, 0, struct.pack(">i", len(token)) + token)
        return None if answer is None else struct.unpack_from(">h", answer)[0]

    def _handshake(self, mechanism: str) -> int | None:
        answer = self._ask(SASL_HANDSHAKE, 1, struct.pack(">h", len(mechanism)) + mechanism.encode())
        return None if answer is None else struct.unpack_from(">h", answer)[0]

    def _ask(self, api: int, version: int, body: bytes) -> bytes | None:
        request = struct.pack(">hhi", api, version, 1) + struct.pack(">h", -1) + body
        with contextlib.suppress(ConnectionError):
            self._socket.sendall(struct.pack(">i", len(request)) + request)
            size = self._read(4)
            if size:
                return self._read(struct.unpack(">i", size)[0])[4:]
        return None

    def _read(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            piece = self._socket.recv(count - len(found))
            if not piece:
                return b""
            found += piece
        return found
