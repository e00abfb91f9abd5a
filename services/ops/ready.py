"""Whether every service reads its topics: asked of the broker, which shares them out."""

from typing import Final

from kafka.errors import CoordinatorNotAvailableError

from schemas.topics import SERVICES
from services.ops.kafka import Access, admin
from stack import ports

WITHIN_S: Final = 60.0
_SHARED_OUT: Final = "Stable"
"""What Kafka calls a group whose members have been given their partitions."""


def wait_until_reading(access: Access, *, within_s: float = WITHIN_S) -> list[str]:
    """Wait until the workers of each service read; returns the services that do not in time."""
    groups = {f"{access.prefix}{service}": service for service in SERVICES if service != "ops"}
    with admin(access) as client:

        def silent() -> list[str]:
            try:
                told = client.describe_groups(list(groups))
            except CoordinatorNotAvailableError:  # a new broker has none until the first group comes
                return list(groups.values())
            return [service for group, service in groups.items() if told[group]["group_state"] != _SHARED_OUT]

        ports.wait_for(lambda: not silent(), within_s=within_s)
        return silent()
