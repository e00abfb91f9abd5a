"""The sample's merchants: each reads its own topic with its own login and replies. Runs until its input ends.

`python -m stack.demo.merchants` takes what `rightsbus up --json` prints on standard input.
"""

import json
import sys
import threading
from collections.abc import Iterator
from typing import Any

from stack.demo.login import client_settings
from stack.merchant import Merchant, Message, reply_to

INSTRUCTING = frozenset({"cedar-books"})
"""The merchants who let us act for them."""


def replies_to(message: Message) -> Iterator[dict[str, Any]]:
    """What a merchant answers to one message: that it came, and how it ends. It refuses every correction."""
    if message["type"] != "request":
        return
    yield reply_to(message, "received")
    if message["client"] in INSTRUCTING:
        yield reply_to(message, "instruct")
    elif message["right"] == "correct":
        yield reply_to(message, "refused", reason="accuracy_confirmed")
    else:
        yield reply_to(message, "completed")


def main() -> None:
    """Run every merchant until standard input is closed."""
    found = json.loads(sys.stdin.readline())
    ended = threading.Event()
    merchants = [
        Merchant(
            client_settings(found["kafka"]["bootstrap"], login["username"], login["password"]),
            login["id"],
            replies_to,
            ended=ended,
        )
        for login in found["clients"]
    ]
    for merchant in merchants:
        merchant.start()
    sys.stdin.read()
    ended.set()
    for merchant in merchants:
        merchant.join()


if __name__ == "__main__":
    main()
