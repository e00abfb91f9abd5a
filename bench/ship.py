"""A small shipping database, and a system that serves its people: 10,000 recipients, 3 shipments and a notice each.

The same tables a published privacy tool was measured with; here they are the company's own data, since that tool knows
no others.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Final

import psycopg

from bench.load import DECLARED, SOURCE, Submission
from bench.system import System
from schemas.values import Population
from services.directory.digests import Digests
from services.directory.load import load
from services.directory.rows import person_of
from services.ops.cli.run import description, tell_systems
from services.ops.installation import POLICIES, SYSTEMS_FILE, Installation
from stack import supervise
from stack.embedded import Embedded
from stack.files import write_json

PEOPLE: Final = 10_000
BRAND: Final = "parcelwise"
POLICIES_DIR: Final = "RIGHTSBUS_POLICIES_DIR"
_TABLES: Final = """CREATE SCHEMA ship;
CREATE TABLE ship.recipient (id serial PRIMARY KEY, email text UNIQUE, name text, phone text, postal_code text);
CREATE TABLE ship.shipment (id serial PRIMARY KEY, recipient_id int REFERENCES ship.recipient(id), tracking_no text,
  address_line text, city text, shipped_at timestamptz DEFAULT now());
CREATE TABLE ship.notification_log (id serial PRIMARY KEY, recipient_id int, channel text, target text,
  sent_at timestamptz DEFAULT now());
CREATE INDEX ON ship.shipment (recipient_id); CREATE INDEX ON ship.notification_log (recipient_id);"""
_ROWS: Final = (
    """INSERT INTO ship.recipient (email, name, phone, postal_code) SELECT 'user'||g||'@example.com', 'Name '||g,
'+1555'||lpad(g::text, 7, '0'), lpad((g %% 99999)::text, 5, '0') FROM generate_series(1, %s) g""",
    """INSERT INTO ship.shipment (recipient_id, tracking_no, address_line, city) SELECT g, '1Z'||g||'-'||k,
g||' Main St', 'City'||(g %% 50) FROM generate_series(1, %s) g, generate_series(1, 3) k""",
    """INSERT INTO ship.notification_log (recipient_id, channel, target)
SELECT g, 'email', 'user'||g||'@example.com' FROM generate_series(1, %s) g""",
)
_ABOUT: Final = "record_key: recipient_id, source: the person, purposes: [provide_services], erase: mask"
_MAP: Final = f"""systems:
  ship:
    connector: sql
    url_env: SHIP_DATABASE_URL
    db_schema: ship
    brands: [{BRAND}]
    populations: [account_holder]
    tables:
      - {{name: shipment, key_column: recipient_id, category: commercial, {_ABOUT}, fields: {{
         tracking_no: {{category: commercial, mask: keep}}, address_line: {{category: identifiers}},
         city: {{category: identifiers}}}}}}
      - {{name: notification_log, key_column: recipient_id, category: identifiers, {_ABOUT}, fields: {{
         channel: {{category: commercial, mask: keep}}, target: {{category: identifiers}}}}}}
      - {{name: recipient, key_column: id, category: identifiers, {_ABOUT}, fields: {{
         email: {{category: identifiers}}, name: {{category: identifiers}}, phone: {{category: identifiers}},
         postal_code: {{category: identifiers}}}}}}
"""


def shipping(only: Collection[str] = (), people: int = PEOPLE) -> contextlib.AbstractContextManager[System]:
    """A running system with that company; `only` names the services, all if not given."""
    return trial(_MAP, lambda found: _fill(found, people), only)


@contextlib.contextmanager
def trial(data_map: str, fill: Callable[[Installation], None], only: Collection[str] = ()) -> Iterator[System]:
    """Start a system with another data map than the sample's, and stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="rightsbus-", ignore_cleanup_errors=True) as temporary:
        data, before = Path(temporary).resolve(), dict(os.environ)
        policies = data / "policies"
        shutil.copytree(POLICIES, policies)
        (policies / "systems.yaml").write_text(data_map, "utf-8")
        os.environ[POLICIES_DIR] = str(policies)
        try:
            found = Installation(Embedded(data, echo=lambda _: None).start(), policies=policies)
            found.set_up()
            found.add_source(SOURCE)
            fill(found)
            supervise.detach(data, only=only)
            yield System(found, description(found), [])
        finally:
            supervise.shut_down(data, lambda _: None)
            os.environ.clear()
            os.environ.update(before)


def _fill(found: Installation, people: int) -> None:
    url = found.endpoints.database_url
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(_TABLES)
        for rows in _ROWS:
            db.execute(rows, [people])
        db.execute("ANALYZE ship.recipient, ship.shipment, ship.notification_log")
        load(db, (person_of(number, row_of(number)) for number in range(1, people + 1)), found.keys)
        db.execute("ANALYZE directory.person, directory.point")
    write_json(found.endpoints.data_dir / SYSTEMS_FILE, {"SHIP_DATABASE_URL": url})
    tell_systems(found)


def row_of(number: int, system: str = "ship") -> dict[str, str]:
    """What a loader tells of one recipient's record in one system."""
    return {
        "brand": BRAND, "population": "account_holder", "link": f"r{number}", "system": system,
        "record_keys": f"recipient_id={number}", "name": name_of(number), "email": f"user{number}@example.com",
        "account_number": f"R-{number:06}", "held_since": "2025-01-01", "locale": "en-US",
    }  # fmt: skip


def name_of(number: int) -> str:
    """A recipient's name: letters, since rules for names know no numbers."""
    return f"Name {''.join(chr(ord('a') + int(digit)) for digit in f'{number:05}').capitalize()}"


def subject_of(system: System, number: int) -> str:
    """The reference of one recipient."""
    return str(Digests(system.found.keys).subject(BRAND, Population.ACCOUNT_HOLDER, None, f"r{number}"))


def asks(kind: str, number: int) -> Submission:
    """One recipient's request, with the points it must be proven by."""
    right = {"access": "know_specific", "deletion": "delete"}[kind]
    subject = {"name": name_of(number), "emails": [f"user{number}@example.com"], "account_number": f"R-{number:06}"}
    return {
        "submission_id": f"{kind}-{number}", "source": SOURCE, "brand": BRAND, "rights": [right], "subject": subject,
        "residence": {"country": "US", "region": "WY"}, "locale": "en-US",
        **({"declaration": DECLARED} if kind == "access" else {}),
    }  # fmt: skip
