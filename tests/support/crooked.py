"""Batches as no decent client makes them, handed to a real broker, which stores them all."""

import gzip
import struct
import time

from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import TopicPartition

from services.ops.kafka import Access

_CRC_AT, _BODY_AT, _ATTRIBUTES_AT = 17, 21, 22
_RECORDS_AT = 61


def a_batch(value: bytes = b"{}", *, count: int = 1) -> bytearray:
    """A decent batch of equal records."""
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=1 << 30,
    )  # fmt: skip
    for number in range(count):
        builder.append(number, int(time.time() * 1000), b"key", value, [("abcd", b"x")])
    return bytearray(builder.build())


def with_nameless_header() -> bytes:
    """A header whose name is no text."""
    batch = a_batch()
    at = batch.index(b"abcd")
    batch[at : at + 4] = b"\xff\xfe\xfd\xfc"
    return sealed(batch)


def packed(batch: bytearray, records: bytes, codec: int) -> bytes:
    """The batch with its records replaced by bytes that claim to be packed by a codec (1 gzip, 4 zstd …)."""
    batch[_RECORDS_AT:] = records
    batch[_ATTRIBUTES_AT] = codec
    return sealed(batch)


def gzip_bomb(size: int) -> bytes:
    """A small batch that unpacks into very much."""
    batch = a_batch(b"0" * size)
    return packed(batch, gzip.compress(bytes(batch[_RECORDS_AT:]), 9), 1)


def well_packed(count: int = 3) -> bytes:
    """A decent batch, packed by gzip."""
    batch = a_batch(b'{"a": 1}', count=count)
    return packed(batch, gzip.compress(bytes(batch[_RECORDS_AT:])), 1)


def sealed(batch: bytearray) -> bytes:
    """Its length and checksum put right."""
    struct.pack_into(">i", batch, 8, len(batch) - 12)
    struct.pack_into(">I", batch, _CRC_AT, calc_crc32c(bytes(batch[_BODY_AT:])))
    return bytes(batch)


async def hand_in(access: Access, topic: str, partition: int, *batches: bytes) -> list[int]:
    """Produce batches as they are; gives the broker's error code for each."""
    client = AIOKafkaClient(
        bootstrap_servers=access.bootstrap, security_protocol="SASL_PLAINTEXT", sasl_mechanism="SCRAM-SHA-256",
        sasl_plain_username=access.username, sasl_plain_password=access.password,
    )  # fmt: skip
    await client.bootstrap()
    try:
        await client.set_topics([access.prefix + topic])
        leader = client.cluster.leader_for_partition(TopicPartition(access.prefix + topic, partition))
        codes = []
        for batch in batches:
            topics = [(access.prefix + topic, [(partition, batch)])]
            answer = await client.send(
                leader, ProduceRequest(transactional_id=None, required_acks=-1, timeout=10_000, topics=topics)
            )
            codes.append(int(answer.topics[0][1][0][1]))
        return codes
    finally:
        await client.close()
