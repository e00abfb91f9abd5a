"""What a login may read and write, asked of the broker itself: a whole list of topics in one request each."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from kafka import KafkaAdminClient
from kafka.errors import TopicAuthorizationFailedError, for_code
from kafka.protocol.consumer.fetch import FetchRequest
from kafka.protocol.producer.produce import ProduceRequest
from kafka.record import MemoryRecordsBuilder

from services.ops.kafka import Access

_BY_NAME_FETCH, _BY_NAME_PRODUCE = 12, 12
"""The last versions of these requests that name topics by name."""


@dataclass(frozen=True)
class Door:
    """One login, knocking without any client's own caution."""

    access: Access

    def admin(self, **more: Any) -> KafkaAdminClient:
        return KafkaAdminClient(**self.access.settings(), **more)

    def opens(self) -> bool:
        """Whether the broker lets this login in.

        Raises:
            KafkaException: it gave another answer than yes or no within 10 s.
        """
        said: list[KafkaError] = []
        client = self.client(said)
        for _ in range(10):
            client.poll(0.1)
            if any(error.code() == KafkaError._AUTHENTICATION for error in said):
                return False
            try:
                return client.list_topics(timeout=1) is not None
            except KafkaException as error:
                if error.args[0].code() != KafkaError._TRANSPORT:
                    raise
        raise KafkaException(said[-1])

    def client(self, errors: list[KafkaError]) -> AdminClient:
        """A librdkafka client that logs in; what goes wrong is added to `errors`."""
        settings: dict[str, Any] = {
            "bootstrap.servers": self.access.bootstrap, "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-256", "sasl.username": self.access.username,
            "sasl.password": self.access.password, "error_cb": errors.append, "log_level": 0,
        }  # fmt: skip
        return AdminClient(settings)

    def readable(self, topics: Iterable[str]) -> set[str]:
        """Those topics whose first partition it may fetch."""
        topic, part = FetchRequest.FetchTopic, FetchRequest.FetchTopic.FetchPartition
        request = FetchRequest(
            replica_id=-1, max_wait_ms=0, min_bytes=0, max_bytes=1_000, isolation_level=0, session_id=0,
            session_epoch=-1, forgotten_topics_data=[], rack_id="", max_version=_BY_NAME_FETCH,
            topics=[
                topic(topic=name, partitions=[part(partition=0, current_leader_epoch=-1, fetch_offset=0,
                      last_fetched_epoch=-1, log_start_offset=-1, partition_max_bytes=1_000)]) for name in topics
            ],
        )  # fmt: skip
        told = self._ask(request)["responses"]
        return {one["topic"] for one in told if _allowed(one["partitions"][0]["error_code"])}

    def writable(self, topics: Iterable[str]) -> set[str]:
        """Those topics it may produce to; an empty object is left there."""
        topic = ProduceRequest.TopicProduceData
        request = ProduceRequest(
            transactional_id=None, acks=-1, timeout_ms=5_000, max_version=_BY_NAME_PRODUCE,
            topic_data=[
                topic(name=name, partition_data=[topic.PartitionProduceData(index=0, records=_records())])
                for name in topics
            ],
        )  # fmt: skip
        told = self._ask(request)["responses"]
        return {one["name"] for one in told if _allowed(one["partition_responses"][0]["error_code"])}

    def _ask(self, request: Any) -> dict[str, Any]:
        admin = self.admin()
        try:
            return dict(admin._manager.run(admin._manager.send, request).to_dict())
        finally:
            admin.close()


def _allowed(code: int) -> bool:
    return for_code(code) is not TopicAuthorizationFailedError


def _records() -> Any:
    builder = MemoryRecordsBuilder(magic=2, compression_type=0, batch_size=1_000)
    builder.append(1, None, b"{}", [])
    builder.close()
    return builder.buffer()
