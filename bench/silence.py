"""A client's server that takes every connection and never says a word."""

import contextlib
import socket
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def silence() -> Iterator[str]:
    """A server that takes connections and says nothing, ever; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def take() -> None:
            with contextlib.suppress(OSError):
                while True:
                    kept.append(server.accept()[0])

        threading.Thread(target=take, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/requests"
        for connection in kept:
            connection.close()
