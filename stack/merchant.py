"""A merchant's program, as small as one can be: read the own topic, decrypt, reply, commit.

What the sample's merchants run and what `rightsbus clients simulate` starts. It knows its own login and, where it gave
us a key, the private half of it.
"""

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from joserfc import jwe
from joserfc.jwk import ECKey
from kafka import KafkaConsumer, KafkaProducer

REPLIES: Final = "privacy.client-replies"
_SEALED: Final = ["ECDH-ES+A256KW", "A256GCM"]

Message = Mapping[str, Any]
Answer = Callable[[Message], Iterable[dict[str, Any]]]
"""Gives the replies to one message; none is an answer too."""


def reply_to(message: Message, kind: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401  a reply's fields
    """Build one reply: what every reply repeats from the message, its type, and more."""
    common = {name: message[name] for name in ("client", "handover_id", "reply_token")}
    return {**common, "type": kind, **more}


def read(value: bytes, key: ECKey | None = None) -> dict[str, Any]:
    """Read one record's value; what is sealed to our key is opened."""
    message: dict[str, Any] = json.loads(value)
    if message["type"] == "sealed" and key is not None:
        message = json.loads(jwe.decrypt_compact(message["jose"], key, algorithms=_SEALED).plaintext or b"{}")
    return message


class Merchant(threading.Thread):
    """One merchant: consumes until told to end. Run it as a thread, or call `run`."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        client: str,
        answer: Answer,
        *,
        key: ECKey | None = None,
        ended: threading.Event | None = None,
    ) -> None:
        super().__init__(name=client, daemon=True)
        self._settings, self._client, self._answer, self._key = dict(settings), client, answer, key
        self._ended = ended or threading.Event()

    def stop(self) -> None:
        """Ask `run` to end."""
        self._ended.set()

    def run(self) -> None:
        """Answer everything that comes until told to end; what was answered is committed, and only that."""
        consumer = KafkaConsumer(
            f"privacy.clients.{self._client}.requests", group_id=f"{self._client}.privacy",
            auto_offset_reset="earliest", enable_auto_commit=False, fetch_max_wait_ms=100, **self._settings,
        )  # fmt: skip
        producer = KafkaProducer(**self._settings)
        try:
            while not self._ended.is_set():
                self._work(consumer, producer)
        finally:
            producer.close()
            consumer.close()

    def _work(self, consumer: KafkaConsumer, producer: KafkaProducer) -> None:
        polled = consumer.poll(timeout_ms=200)
        sent = [
            producer.send(REPLIES, value=json.dumps(reply).encode(), key=reply["handover_id"].encode())
            for records in polled.values()
            for record in records
            for reply in self._answer(read(record.value, self._key))
        ]
        producer.flush()
        for future in sent:
            future.get(timeout=30)
        if polled:
            consumer.commit()
