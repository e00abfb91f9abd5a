"""What clients' topics no longer need is deleted, and nothing else."""

from datetime import timedelta

import pytest
from kafka import KafkaConsumer

from services.kernel.clock import Clock
from services.ops.provision import client_topic
from services.ops.trim import trim
from tests.support.shop import Desk, Inbox, Shop, open_shop

pytestmark = pytest.mark.integration
NONE = timedelta(0)


def consumed(shop: Shop, group: str, count: int) -> None:
    """Read so many records in a group of the client's own, and commit."""
    consumer = KafkaConsumer(
        client_topic(shop.id), group_id=f"{shop.id}.{group}", auto_offset_reset="earliest", enable_auto_commit=False,
        max_poll_records=count, **shop.access.settings(),
    )  # fmt: skip
    read = 0
    while read < count:
        read += sum(len(some) for some in consumer.poll(timeout_ms=5_000).values())
    consumer.commit()
    consumer.close()


def left(shop: Shop) -> list[str]:
    inbox = shop.messages()
    try:
        inbox.until("nothing", within_s=0.5)
    except TimeoutError:
        return [shop.means(message["handover_id"]) for message in inbox.all]
    finally:
        inbox.close()
    return []


def reply(shop: Shop, inbox: Inbox, kind: str, count: int) -> str:
    message = inbox.until("request", count=count)
    shop.write({n: message[n] for n in ("client", "handover_id", "reply_token")} | {"type": kind})
    return shop.means(message["handover_id"])


def test_what_has_ended_and_was_read_is_deleted_up_to_the_first_that_is_open(desk: Desk) -> None:
    olive = open_shop(desk.system, "olive")
    inbox = olive.messages()
    requests = []
    for number, kind in enumerate(("completed", "received", "completed"), 1):
        requests.append(desk.asks(olive.ships_to(f"Olga Number-{'abc'[number - 1]}"), "opt_out_sale_share"))
        reply(olive, inbox, kind, number)
    desk.end(requests[0])
    desk.end(requests[2])
    inbox.close()
    found, now = desk.system.found, Clock.real()

    assert trim(found, now, NONE).get(olive.id) is None, "nobody has read it"
    consumed(olive, "privacy", 3)
    consumed(olive, "audit", 1)
    assert trim(found, now - timedelta(days=1), NONE).get(olive.id) is None, "it is young"
    assert trim(found, Clock.real(), NONE)[olive.id] == 1
    assert left(olive) == requests[1:]
    assert trim(found, Clock.real(), NONE).get(olive.id) is None
