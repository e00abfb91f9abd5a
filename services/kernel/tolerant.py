"""Reads what Kafka keeps without falling over what outsiders put there.

A broker stores header names that are no UTF-8, batches packed by any codec, and packed nonsense; the client raises on
the whole fetch, again and again. Here one such batch becomes one record without a value, so that it is parked.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.consumer import fetcher
from aiokafka.record._crecords import default_records
from aiokafka.record.memory_records import MemoryRecords

from services.kernel.unpacking import MOST_UNPACKED, UNPACKERS

UNREADABLE: Final = "rightsbus-unreadable"
"""Header of the record that stands for an unreadable batch; says which kind of fault."""


@dataclass(frozen=True, slots=True)
class _Stand:
    """Stands where the batch ended: later than where reading stood, whatever was in it."""

    offset: int
    timestamp: int
    headers: list[tuple[str, bytes]]
    timestamp_type: int = 0
    key: None = None
    value: None = None
    checksum: None = None


class TolerantBatch:
    """One batch; all of its records, or one that stands for them."""

    def __init__(self, batch: Any, spend: Callable[[int], None]) -> None:  # noqa: ANN401  the compiled class has no type
        self._batch, self._spend = batch, spend

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._batch, name)

    def __next__(self) -> Any:  # noqa: ANN401
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        try:
            records = list(self._batch)
            self._spend(sum(len(record.value or b"") for record in records))
            return iter(records)
        except Exception as error:  # noqa: BLE001  whatever it is, it lies in the bytes
            why = [(UNREADABLE, type(error).__name__.encode())]
            return iter([_Stand(self._batch.next_offset - 1, self._batch.max_timestamp, why)])


class TolerantRecords:
    """What one partition answered to a fetch, batch by batch; of much only a part now, the rest is fetched again."""

    def __init__(self, raw: bytes) -> None:
        self._records, self._left = MemoryRecords(raw), MOST_UNPACKED

    def size_in_bytes(self) -> int:
        """How much it is."""
        return int(self._records.size_in_bytes())

    def has_next(self) -> bool:
        """Whether there is a further batch to read now."""
        return self._left > 0 and bool(self._records.has_next())

    def next_batch(self) -> TolerantBatch:
        """The next batch."""
        return TolerantBatch(self._records.next_batch(), self._spend)

    def _spend(self, size: int) -> None:
        self._left -= size


def install() -> None:
    """Let every consumer of this process read so."""
    fetcher.MemoryRecords = TolerantRecords
    for codec, unpack in UNPACKERS.items():
        setattr(default_records, f"{codec}_decode", unpack)
