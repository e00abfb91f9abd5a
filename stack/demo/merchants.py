"""The sample's merchants: each reads its own topic with its own login and replies. Runs until its input ends.

`python -m stack.demo.merchants` takes what `rightsbus up --json` prints on standard input.
"""

import json
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from kafka import KafkaConsumer, KafkaProducer

from stack.demo.login import client_settings

REPLIES = "privacy.client-replies"
INSTRUCTING = frozenset({"cedar-books"})
"""The merchants who let us act for them."""


def replies_to(merchant: str, message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What a merchant answers to one message: that it came, and how it ends. It refuses every correction."""
    if message["type"] != "request":
        return
    common = {name: message[name] for name in ("client", "handover_id", "request_id", "reply_token")}
    yield common | {"type": "received"}
    if merchant in INSTRUCTING:
        yield common | {"type": "instruct"}
    elif message["right"] == "correct":
        yield common | {"type": "refused", "reason": "accuracy_confirmed"}
    else:
        yield common | {"type": "completed"}


class Merchant(threading.Thread):
    """One merchant's program: consume, reply, commit."""

    def __init__(self, bootstrap: str, login: Mapping[str, str], ended: threading.Event) -> None:
        super().__init__(name=login["id"])
        self._login, self._ended = login, ended
        self._settings = client_settings(bootstrap, login["username"], login["password"])

    def run(self) -> None:
        """Answer everything that comes until told to end."""
        group = f"{self._login['group_prefix']}privacy"
        consumer = KafkaConsumer(
            self._login["topic"], group_id=group, auto_offset_reset="earliest", enable_auto_commit=False,
            fetch_max_wait_ms=100, **self._settings,
        )  # fmt: skip
        producer = KafkaProducer(**self._settings)
        try:
            while not self._ended.is_set():
                self._answer(consumer, producer)
        finally:
            producer.close()
            consumer.close()

    def _answer(self, consumer: KafkaConsumer, producer: KafkaProducer) -> None:
        polled = consumer.poll(timeout_ms=200)
        sent = [
            producer.send(REPLIES, value=json.dumps(reply).encode(), key=reply["request_id"].encode())
            for records in polled.values()
            for record in records
            for reply in replies_to(self._login["id"], json.loads(record.value))
        ]
        producer.flush()
        for future in sent:
            future.get(timeout=30)
        if polled:
            consumer.commit()


def main() -> None:
    """Run every merchant until standard input is closed."""
    found = json.loads(sys.stdin.readline())
    ended = threading.Event()
    merchants = [Merchant(found["kafka"]["bootstrap"], login, ended) for login in found["clients"]]
    for merchant in merchants:
        merchant.start()
    sys.stdin.read()
    ended.set()
    for merchant in merchants:
        merchant.join()


if __name__ == "__main__":
    main()
