"""Free ports on the loopback address, and whether somebody listens on one."""

import errno
import secrets
import socket
import time
from collections.abc import Callable

LOOPBACK = "127.0.0.1"
_LOWEST, _HIGHEST = 20_000, 32_000
"""Below the range systems take outgoing ports from, so that none is lost between choosing and using it."""


def is_free(port: int) -> bool:
    """Say whether a server could listen on this port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as problem:
            if problem.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise
        return True


def free_port(preferred: int | None = None) -> int:
    """Give the preferred port when it is free, else any other free one."""
    if preferred and is_free(preferred):
        return preferred
    for _ in range(500):
        port = _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST)
        if is_free(port):
            return port
    message = f"no free port between {_LOWEST} and {_HIGHEST} on {LOOPBACK}"
    raise OSError(message)


def free_ports(count: int) -> list[int]:
    """Give that many different free ports."""
    found: list[int] = []
    while len(found) < count:
        port = free_port()
        if port not in found:
            found.append(port)
    return found


def answers(port: int, host: str = LOOPBACK, *, within_s: float = 1.0) -> bool:
    """Say whether somebody accepts a connection on this port."""
    try:
        with socket.create_connection((host, port), timeout=within_s):
            return True
    except OSError:
        return False


def wait_for(condition: Callable[[], bool], *, within_s: float, every_s: float = 0.05) -> bool:
    """Look again and again until the condition holds; False when the time is over."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(every_s)
    return condition()
