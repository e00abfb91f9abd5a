"""A small company in one database, its data map, and a sink: what every connector's contract is tried on."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID, uuid5

import sqlalchemy as sa

from connectors.datamap import DataMap, compile_map
from connectors.port import Chunk, CorrectionTask, Task
from schemas.values import Action, Right

MAP: Final = """
systems:
  shop:
    connector: sql
    url_env: SHOP_URL
    brands: [parcelwise]
    roles: {own: own purpose, client: held for the client}
    timeout_s: 5
    tables:
      - name: invoice
        record_key: person_id
        key_column: person_id
        date_column: issued_on
        category: commercial
        source: the person
        purposes: [provide_services]
        erase: keep
        keep: {code: exception_legal_obligation, citation: "26 U.S.C. 6001", days: 365}
        fields:
          number: {category: commercial}
          email: {category: identifiers, mask: "null"}
      - name: visit
        record_key: person_id
        key_column: person_id
        category: internet_activity
        source: the device
        purposes: [site_improvement]
        erase: aggregate
        fields:
          postcode: {category: internet_activity, mask: coarse}
          browser: {category: internet_activity, mask: token}
          pages: {category: internet_activity, mask: keep}
      - name: parcel
        record_key: person_id
        key_column: person_id
        client_column: client
        date_column: shipped_on
        use: client
        category: shipment_recipient
        source: our clients
        purposes: [client_instructed]
        erase: delete
        fields:
          street: {category: shipment_recipient, correctable: street}
      - name: newsletter
        record_key: person_id
        key_column: person_id
        category: identifiers
        source: the person
        purposes: [marketing]
        erase: mask
        fields:
          email: {category: identifiers, mask: token, correctable: email}
          topic: {category: identifiers, mask: empty}
          origin: {category: identifiers}
      - name: person
        record_key: person_id
        key_column: id
        category: identifiers
        source: the person
        purposes: [provide_services, communicate]
        recipients: [service_provider]
        erase: delete
        fields:
          name: {category: identifiers, correctable: name}
          email: {category: identifiers, correctable: email}
          card: {category: customer_records, disclose: held, type: payment_card}
    preferences:
      table: preference
      record_key: person_id
      key_column: person_id
      columns: {opt_out_sale_share: no_sale, opt_out_targeted_ads: no_ads, opt_in_sale: no_sale}
"""

META: Final = sa.MetaData()
PERSON: Final = sa.Table(
    "person", META, sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text),
    sa.Column("email", sa.Text, sa.CheckConstraint("email <> 'nobody@example.org'")), sa.Column("card", sa.Text),
    sa.Column("note", sa.Text),
)  # fmt: skip
INVOICE: Final = sa.Table(
    "invoice", META, sa.Column("number", sa.Text, primary_key=True), sa.Column("person_id", sa.Integer, index=True),
    sa.Column("issued_on", sa.Date), sa.Column("email", sa.Text),
)  # fmt: skip
VISIT: Final = sa.Table(
    "visit", META, sa.Column("id", sa.Integer, primary_key=True), sa.Column("person_id", sa.Integer, index=True),
    sa.Column("postcode", sa.Text), sa.Column("browser", sa.Text), sa.Column("pages", sa.Integer),
)  # fmt: skip
PARCEL: Final = sa.Table(
    "parcel", META, sa.Column("id", sa.Integer, primary_key=True), sa.Column("person_id", sa.Integer, index=True),
    sa.Column("client", sa.Text), sa.Column("street", sa.Text), sa.Column("shipped_on", sa.Date),
)  # fmt: skip
NEWSLETTER: Final = sa.Table(
    "newsletter", META, sa.Column("person_id", sa.Integer, primary_key=True), sa.Column("email", sa.Text, unique=True),
    sa.Column("topic", sa.Text, nullable=False), sa.Column("origin", sa.Text),
)  # fmt: skip
PREFERENCE: Final = sa.Table(
    "preference", META, sa.Column("person_id", sa.Integer, primary_key=True), sa.Column("no_sale", sa.Boolean),
    sa.Column("no_ads", sa.Boolean),
)  # fmt: skip
ACORN, BIRCH = "acorn-supply", "birch-outfitters"
CASE: Final = UUID(int=4)


def data_map(text: str = MAP) -> DataMap:
    """The data map of the little company."""
    return compile_map(text)


def fill(db: sa.Connection, people: int = 3) -> None:
    """Make the tables and this many people, each with a row or two everywhere."""
    META.create_all(db)
    for n in range(1, people + 1):
        mail = f"person.{n}@example.org"
        db.execute(PERSON.insert(), {"id": n, "name": f"Person {n}", "email": mail, "card": f"4000{n:04}", "note": "-"})
        db.execute(INVOICE.insert(), _invoices(n, mail))
        db.execute(VISIT.insert(), {"id": n, "person_id": n, "postcode": "84101", "browser": f"B{n}", "pages": n})
        db.execute(PARCEL.insert(), _parcels(n))
        db.execute(NEWSLETTER.insert(), {"person_id": n, "email": mail, "topic": f"T{n}", "origin": "fair"})


def _invoices(n: int, mail: str) -> list[dict[str, Any]]:
    days = (date(2026, 1, 10), date(2024, 1, 10))
    return [
        {"number": f"IN-{n}-{index}", "person_id": n, "issued_on": day, "email": mail} for index, day in enumerate(days)
    ]


def _parcels(n: int) -> list[dict[str, Any]]:
    day = date(2026, 3, 1)
    owned = [(ACORN, f"{n} Elm St"), (BIRCH, f"{n} Fir St")]
    return [
        {"id": 10 * n + index, "person_id": n, "client": client, "street": street, "shipped_on": day}
        for index, (client, street) in enumerate(owned)
    ]


def task(action: Action, person: int | str | None, *, name: str = "", **more: Any) -> Task:
    """A task about one person; the same arguments give the same task id."""
    keys = () if person is None else ({"person_id": str(person)},)
    identity = uuid5(CASE, f"{action}/{person}/{name}/{sorted(more)}/{more.get('client')}")
    return Task(identity, str(CASE), "shop", action, **({"keys": keys} | more))


def erase(person: int | str | None, **more: Any) -> Task:
    """An erasure."""
    return task(Action.ERASE, person, **more)


def correct(person: int, **new: str) -> Task:
    """A correction of these fields."""
    corrections = tuple(CorrectionTask(field, value) for field, value in new.items())
    return task(Action.CORRECT, person, name=str(new), corrections=corrections)


def prefer(person: int, right: Right) -> Task:
    """A preference."""
    return task(Action.APPLY, person, name=right, preference=right)


class Basket:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.chunks: list[tuple[UUID, str, str, list[Mapping[str, Any]]]] = []

    async def write(self, chunks: Sequence[Chunk]) -> None:
        """Keep chunks."""
        self.chunks += [(chunk.task_id, chunk.category, chunk.table, list(chunk.rows)) for chunk in chunks]

    def of(self, task_id: UUID, table: str) -> list[Mapping[str, Any]]:
        """Every row of one task and table, in order."""
        return [row for t, _, name, rows in self.chunks if (t, name) == (task_id, table) for row in rows]
