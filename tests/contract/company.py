"""A small company: its data map, its people's rows, and the tasks asked of it. The same for every kind of system."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID, uuid5

from connectors.datamap import compile_map
from connectors.port import Chunk, CorrectionTask, Task
from connectors.systems import SystemMap
from schemas.values import Action, Medium, Right

MAP: Final = """
systems:
  shop:
    connector: {connector}
    url_env: SHOP
    brands: [parcelwise]
    roles: {{own: own purpose, client: held for the client}}
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
        keep: {{code: exception_legal_obligation, citation: "26 U.S.C. 6001", days: 365}}
        fields:
          number: {{category: commercial}}
          email: {{category: identifiers, mask: "null"}}
      - name: visit
        record_key: person_id
        key_column: person_id
        category: internet_activity
        source: the device
        purposes: [site_improvement]
        erase: aggregate
        fields:
          postcode: {{category: internet_activity, mask: coarse}}
          browser: {{category: internet_activity, mask: token}}
          pages: {{category: internet_activity, mask: keep}}
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
          street: {{category: shipment_recipient, correctable: street}}
      - name: delivery_time
        record_key: person_id
        key_column: person_id
        client_column: client
        category: commercial
        source: our clients
        purposes: [research_development_analytics]
        erase: delete
        fields:
          hours: {{category: commercial}}
      - name: answer
        record_key: person_id
        key_column: newsletter_id
        through: {{table: newsletter, column: id}}
        category: inferences
        source: the person
        purposes: [marketing]
        erase: delete
        fields:
          mood: {{category: inferences}}
      - name: newsletter
        record_key: person_id
        key_column: person_id
        date_column: joined_on
        category: identifiers
        source: the person
        purposes: [marketing]
        erase: mask
        fields:
          email: {{category: identifiers, mask: token, correctable: email}}
          topic: {{category: identifiers, mask: empty}}
          origin: {{category: identifiers}}
          score: {{category: identifiers, mask: zero}}
          born_on: {{category: protected, mask: year}}
          consent:
            category: consent
            keep: {{code: exception_legal_claims, citation: "Art. 17(3)(e) GDPR", days: 1095}}
      - name: person
        record_key: person_id
        key_column: id
        category: identifiers
        source: the person
        purposes: [provide_services, communicate]
        recipients: [service_provider]
        erase: delete
        fields:
          name: {{category: identifiers, correctable: name}}
          email: {{category: identifiers, correctable: email}}
          card: {{category: customer_records, disclose: held, type: payment_card}}
    preferences:
      table: preference
      record_key: person_id
      key_column: person_id
      columns: {{opt_out_sale_share: no_sale, opt_out_targeted_ads: no_ads, opt_in_sale: no_sale, deactivate: closed,
                 opt_out_marketing: no_ads_at_all}}
      media: {{email: no_mail, sms: no_texts}}
"""
KEYS: Final = {
    "invoice": "number",
    "visit": "id",
    "parcel": "id",
    "delivery_time": "id",
    "answer": "id",
    "newsletter": "id",
    "person": "id",
    "preference": "person_id",
}
"""Each table's own key."""
ACORN, BIRCH = "acorn-supply", "birch-outfitters"
CASE: Final = UUID(int=4)
NOBODY: Final = "nobody@example.org"
"""Systems that can refuse a value refuse this one."""


def shop(connector: str = "sql") -> SystemMap:
    """What the little company's data map says, for one kind of connector."""
    return compile_map(MAP.format(connector=connector)).systems["shop"]


def held(connector: str, options: Mapping[str, Any], **more: Any) -> SystemMap:
    """The same company as a system without tables: what it holds, and its connector's options."""
    told = shop().model_dump()
    holds = []
    for table in told["tables"]:
        day = {table["date_column"]: {"category": table["category"]}} if table["date_column"] else {}
        kept = {name: table[name] for name in ("name", "use", "category", "source", "purposes", "erase", "keep")}
        holds.append(kept | {"fields": table["fields"] | day})
    return SystemMap.model_validate(
        told | {"connector": connector, "tables": [], "holds": holds, "options": options} | more
    )


def rows(people: int = 3) -> dict[str, list[dict[str, Any]]]:
    """This many people, each with a row or two everywhere."""
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in KEYS}
    for n in range(1, people + 1):
        mail, day, mine = f"person.{n}@example.org", date(2026, 3, 1), {"person_id": n}
        tables["person"] += [{"id": n, "name": f"Person {n}", "email": mail, "card": f"4000{n:04}", "note": "-"}]
        tables["invoice"] += [
            {"number": f"IN-{n}-{index}", **mine, "issued_on": issued, "email": mail}
            for index, issued in enumerate((date(2026, 1, 10), date(2024, 1, 10)))
        ]
        tables["visit"] += [{"id": n, **mine, "postcode": "84101", "browser": f"B{n}", "pages": n}]
        for index, (client, street) in enumerate([(ACORN, f"{n} Elm St"), (BIRCH, f"{n} Fir St")]):
            key = {"id": 10 * n + index, **mine, "client": client}
            tables["parcel"] += [key | {"street": street, "shipped_on": day}]
            tables["delivery_time"] += [key | {"hours": 40 + n}]
        letter = {"id": 700 + n, **mine, "email": mail, "topic": f"T{n}", "origin": "fair", "score": 5}
        tables["newsletter"] += [letter | {"joined_on": day, "born_on": date(1980, 5, n), "consent": f"C{n}"}]
        tables["answer"] += [{"id": 10 * n + q, "newsletter_id": 700 + n, "mood": "merry"} for q in range(2)]
    return tables


def task(action: Action, person: int | str | None, *, name: str = "", **more: Any) -> Task:
    """A task about one person; the same arguments give the same task id."""
    keys = () if person is None else ({"person_id": str(person)},)
    identity = uuid5(CASE, f"{action}/{person}/{name}/{sorted(more)}/{more.get('client')}")
    asked: dict[str, Any] = {"law": "US-CA-CCPA", "received_at": datetime(2026, 3, 2, 17, 30, tzinfo=UTC)}
    return Task(identity, str(CASE), "shop", action, **({"keys": keys} | asked | more))


def erase(person: int | str | None, **more: Any) -> Task:
    """An erasure."""
    return task(Action.ERASE, person, **more)


def correct(person: int, **new: str) -> Task:
    """A correction of these fields."""
    corrections = tuple(CorrectionTask(field, value) for field, value in new.items())
    return task(Action.CORRECT, person, name=str(new), corrections=corrections)


def prefer(person: int, right: Right, *media: Medium) -> Task:
    """A preference."""
    return task(Action.APPLY, person, name="/".join([right, *media]), preference=right, media=media)


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
