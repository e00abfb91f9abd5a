"""Announces each version of a brand's privacy policy once, when its day has come. The topic itself knows which were."""

from collections.abc import Collection, Iterable
from contextlib import closing
from datetime import datetime
from typing import Final
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from rules.brands import Brand
from schemas import wire
from schemas.audit import PolicyChanged
from services.ops.kafka import Access, Publisher, read_all

TOPIC: Final = "privacy.policies"


def announce(access: Access, brands: Iterable[Brand], now: datetime) -> int:
    """Publish what is in force and was never announced; again after a crash, under the same id. Returns how many."""
    events = [wire.decode(record) for record in read_all(access, [TOPIC])]
    told = {(event.brand, event.version) for event in events if isinstance(event, PolicyChanged)}
    fresh = unannounced(brands, told, now)
    if fresh:
        with closing(Publisher(access)) as publisher:
            for event in fresh:
                topic, key, value, headers = wire.encode(event, source="rightsbus/ops")
                publisher.send(topic, value, key=key, headers=headers)
    return len(fresh)


def unannounced(brands: Iterable[Brand], told: Collection[tuple[str, str]], now: datetime) -> list[PolicyChanged]:
    """The versions nobody was told of yet, each brand's oldest first, with the company behind it on that day."""
    events = []
    for brand in brands:
        known = {version for name, version in told if name == brand.id}
        for version in brand.unannounced(known, now.astimezone(ZoneInfo(brand.timezone)).date()):
            event_id = uuid5(NAMESPACE_URL, f"policy/{brand.id}/{version.version}")
            events.append(
                PolicyChanged(
                    event_id=event_id, occurred_at=now, brand=brand.id, version=version.version,
                    effective_from=version.effective_from, material=version.material, reconsent=version.reconsent,
                    operator=brand.operator_on(version.effective_from).name,
                )
            )  # fmt: skip
    return events
