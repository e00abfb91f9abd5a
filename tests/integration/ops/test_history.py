"""The auditor's test: whatever somebody with the database alone changes in history is found, and where."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg.sql import SQL, Identifier

from schemas.events import RequestClosed, RequestVerified
from services.kernel.keys import FileKeyStore
from services.kernel.migrate import upgrade
from services.ops.audit import hashes
from services.ops.audit.proof import export
from services.ops.audit.restore import UnfitBackup, restore
from services.ops.audit.seal import HistoryBroken, public_pem, signing_key
from services.ops.register import keeping, store
from tests.support.ledger import Ledger
from tests.support.servers import TestServers
from tests.support.source import ROOT
from tests.support.story import NOON, accepted, an_id, told

pytestmark = pytest.mark.integration
REQUESTS = [an_id(f"history-{number}") for number in range(12)]
WHERE = "privacy.accepted/0"
"""The chain the tests tamper with."""


@pytest.fixture
def history(ledger: Ledger) -> Ledger:
    """Two signed days and a third not signed yet."""
    ledger.topics._partitions = 1
    ledger.take(*(accepted(request) for request in REQUESTS[:6]))
    ledger.sign(NOON)
    ledger.take(*(accepted(request, at_s=9) for request in REQUESTS[6:10]))
    ledger.take(told(RequestClosed, REQUESTS[0], at_s=10, ending="fulfilled", parts={}))
    ledger.sign(NOON + timedelta(days=1))
    ledger.take(*(accepted(request, at_s=20) for request in REQUESTS[10:]))
    return ledger


def chain(ledger: Ledger, topic: str = "privacy.accepted") -> int:
    [(number,)] = ledger.rows("SELECT id FROM ops.chains WHERE topic = %s AND partition = 0", topic)
    return int(number)


def change(ledger: Ledger, query: str, *args: Any) -> None:
    ledger.db.execute(query, (*args, chain(ledger)))


def test_untouched_history_holds_together(history: Ledger) -> None:
    assert history.faults() == []


@pytest.mark.parametrize("column", ["entry", "salt", "leaf", "link"])
def test_one_changed_byte_is_found(history: Ledger, column: str) -> None:
    edit = SQL("UPDATE ops.audit SET {c} = set_byte({c}, 5, 255 - get_byte({c}, 5)) WHERE n = 3 AND chain = %s")
    history.db.execute(edit.format(c=Identifier(column)), [chain(history)])

    assert f"{WHERE} entry 3" in {where for where, _ in history.faults()}


def test_an_entry_of_today_is_guarded_before_it_is_signed(history: Ledger) -> None:
    change(history, "UPDATE ops.audit SET entry = set_byte(entry, 9, 1) WHERE n = 12 AND chain = %s")

    assert history.faults() == [(f"{WHERE} entry 12", "was edited")]


def test_a_deleted_entry_is_found(history: Ledger) -> None:
    change(history, "DELETE FROM ops.audit WHERE n = 4 AND chain = %s")

    faults = history.faults()
    assert (f"{WHERE} entry 4", "is missing") in faults
    assert any("not what root 1" in what for _, what in faults)


def test_deleted_last_entries_are_found(history: Ledger) -> None:
    change(history, "DELETE FROM ops.audit WHERE n > 10 AND chain = %s")

    assert history.faults() == [(f"{WHERE} entry 10", "is the last one there; there were 12")]


def test_two_swapped_entries_are_found_both(history: Ledger) -> None:
    swap = """UPDATE ops.audit a SET entry = b.entry, salt = b.salt, leaf = b.leaf, case_key = b.case_key
FROM ops.audit b WHERE b.chain = a.chain AND a.n + b.n = 5 AND a.n IN (2, 3) AND a.chain = %s"""
    change(history, swap)

    found = {where for where, _ in history.faults()}
    assert {f"{WHERE} entry 2", f"{WHERE} entry 3"} <= found


def test_two_whole_rows_swapped_with_their_links_are_found(history: Ledger) -> None:
    for old, new in ((2, -2), (3, 2), (-2, 3)):
        change(history, "UPDATE ops.audit SET n = %s WHERE n = %s AND chain = %s", new, old)

    assert f"{WHERE} entry 2" in {where for where, _ in history.faults()}


def forge(history: Ledger) -> None:
    """Edit an entry, and do every later hash anew."""
    number = chain(history)
    rows = history.rows("SELECT n, salt, entry FROM ops.audit WHERE chain = %s ORDER BY n", number)
    head = hashes.start("privacy.accepted", 0)
    for n, salt, raw in rows:
        entry = raw.replace(b"us-ca", b"us-va") if n == 8 else raw
        leaf = hashes.leaf(salt, entry)
        head = hashes.link(head, leaf)
        history.db.execute(
            "UPDATE ops.audit SET entry = %s, leaf = %s, link = %s WHERE n = %s AND chain = %s",
            [entry, leaf, head, n, number],
        )
    history.db.execute("UPDATE ops.chains SET head = %s WHERE id = %s", [head, number])


def test_an_edit_with_every_later_hash_done_anew_is_found_by_the_signed_roots(history: Ledger) -> None:
    forge(history)

    [(where, what)] = history.faults()
    assert where == f"{WHERE} entry 7"
    assert what == "to 10 are not what root 2 of 2026-06-02 was signed over"


def test_a_whole_chain_taken_away_is_found(history: Ledger) -> None:
    change(history, "DELETE FROM ops.audit WHERE chain = %s")
    change(history, "DELETE FROM ops.chains WHERE id = %s")

    assert (WHERE, "is gone, but root 1 names it") in history.faults()


def test_an_entry_filed_under_another_case_is_found(history: Ledger) -> None:
    change(history, "UPDATE ops.audit SET case_key = 'elsewhere' WHERE n = 7 AND chain = %s")

    assert history.faults() == [(f"{WHERE} entry 7", "is filed under another case")]


def test_an_entry_emptied_before_its_time_is_found_and_one_emptied_in_time_is_not(history: Ledger) -> None:
    late = NOON + timedelta(days=1_500)
    assert keeping.empty_old(history.db, NOON + timedelta(days=30)) == 0
    assert keeping.empty_old(history.db, late) == 11

    assert history.rows("SELECT count(*) FROM ops.audit WHERE entry IS NULL OR salt IS NULL") == [(11,)]
    assert history.faults(late) == []
    assert len(history.faults(NOON + timedelta(days=2))) == 11


@pytest.mark.parametrize(
    ("edit", "told_of"),
    [
        ({"signature": base64.b64encode(b"0" * 64).decode()}, "is not signed by this installation's key"),
        ({"day": (NOON + timedelta(days=9)).date()}, "is not signed by this installation's key"),
        ({"previous": "0" * 64}, "does not follow the root before it"),
        ({"chains": []}, "names other chains than those it was signed over"),
        ({"number": 5}, "follows root 1: those between are missing"),
    ],
)
def test_an_edited_root_is_found(history: Ledger, edit: dict[str, Any], told_of: str) -> None:
    history.roots[1] = history.roots[1].model_copy(update=edit)

    assert told_of in {what for _, what in history.faults()}


def test_a_root_missing_in_the_database_is_found(history: Ledger) -> None:
    history.db.execute("DELETE FROM ops.roots WHERE number = 1")

    assert history.faults() == [("root 1", "is not in the database")]


def test_edited_history_is_not_signed(history: Ledger) -> None:
    change(history, "UPDATE ops.audit SET leaf = set_byte(leaf, 1, 1) WHERE n = 11 AND chain = %s")

    with pytest.raises(HistoryBroken, match=r"privacy\.accepted/0 was edited at entry 11"):
        history.sign(NOON + timedelta(days=2))
    assert len(history.rows("SELECT 1 FROM ops.roots")) == 2


def test_signing_twice_signs_nothing_new(history: Ledger) -> None:
    assert history.sign(NOON + timedelta(days=2)) is not None
    assert history.sign(NOON + timedelta(days=2)) is None


def test_a_record_read_again_is_chained_once(history: Ledger) -> None:
    records = history.topics.lay(told(RequestVerified, REQUESTS[1], subject="s", groups=[], assurance="none"))
    before = history.rows("SELECT count(*) FROM ops.audit")[0][0]

    first, again = history.take_records(records), history.take_records([*records, *records])

    assert (len(first.entries), len(again.entries)) == (1, 0)
    assert history.rows("SELECT count(*) FROM ops.audit") == [(before + 1,)]
    assert store.positions(history.db)["privacy.verified", 0] == 1


# --------------------------------------------------------------------------------------------------- put back


def put_back(db: store.Conn, backup: store.Conn, history: Ledger, *, really: bool = True) -> list[tuple[str, int]]:
    trust = history.roots, signing_key(history.keys).public_key()
    with db.transaction(force_rollback=not really):
        return [(one.where, one.n) for one in restore(db, backup, trust, NOON + timedelta(days=1))]


@pytest.fixture(scope="module")
def beside(servers: TestServers) -> Iterator[store.Conn]:
    with servers.fresh_database("beside_history") as url:
        upgrade(url)
        with store.connection(url) as db:
            yield db


@pytest.fixture
def backup(history: Ledger, beside: store.Conn) -> store.Conn:
    """A copy of history, which has gone on since."""
    beside.execute("TRUNCATE ops.audit, ops.chains, ops.roots RESTART IDENTITY")
    assert len(put_back(beside, history.db, history)) == 13
    history.take(*(accepted(an_id(f"since-{number}"), at_s=30) for number in range(3)))
    return beside


LEAF = "UPDATE ops.audit SET leaf = set_byte(leaf, 1, 1) WHERE n = 12 AND chain = %s"
EDITS = [
    (["UPDATE ops.audit SET entry = set_byte(entry, 9, 1) WHERE n = 3 AND chain = %s"], [3]),
    ([LEAF], [12]),
    (["UPDATE ops.audit SET case_key = 'elsewhere' WHERE n = 7 AND chain = %s"], [7]),
    (["DELETE FROM ops.audit WHERE n BETWEEN 4 AND 6 AND chain = %s"], [4, 5, 6]),
    (["UPDATE ops.audit SET n = -2 WHERE n = 2 AND chain = %s", "UPDATE ops.audit SET n = 2 WHERE n = 3 AND chain = %s",
      "UPDATE ops.audit SET n = 3 WHERE n = -2 AND chain = %s"], [2, 3]),
    (["DELETE FROM ops.roots WHERE number = 1 AND %s > 0"], []),
]  # fmt: skip


def test_whatever_was_edited_or_removed_is_put_back_from_a_backup_and_what_came_since_stays(
    history: Ledger, backup: store.Conn
) -> None:
    for statements, numbers in EDITS:
        for statement in statements:
            change(history, statement)
        assert history.faults() != []

        assert put_back(history.db, backup, history, really=False) == [(WHERE, n) for n in numbers]
        assert history.faults() != []
        put_back(history.db, backup, history)
        assert history.faults() == []
    assert history.sign(NOON + timedelta(days=2)) is not None
    assert history.rows("SELECT max(n) FROM ops.audit WHERE chain = %s", chain(history)) == [(15,)]


def test_nothing_is_taken_from_a_backup_that_does_not_hold_together(history: Ledger, backup: store.Conn) -> None:
    [(number,)] = backup.execute("SELECT id FROM ops.chains WHERE topic = 'privacy.accepted'").fetchall()
    backup.execute(LEAF, [number])

    with pytest.raises(UnfitBackup, match=r"the backup itself does not hold together: privacy\.accepted/0 entry 12"):
        put_back(history.db, backup, history)


def test_nothing_is_taken_from_a_backup_that_what_came_since_does_not_follow(
    history: Ledger, backup: store.Conn
) -> None:
    forge(history)

    with pytest.raises(UnfitBackup, match=r"entry 13 of privacy\.accepted/0 does not follow the backup"):
        put_back(history.db, backup, history)


# ---------------------------------------------------------------------------------------------------------- proofs


def checked(proof: dict[str, Any], pem: str, folder: Path) -> subprocess.CompletedProcess[str]:
    files = folder / "proof.json", folder / "key.pem"
    files[0].write_text(json.dumps(proof))
    files[1].write_text(pem)
    argv = [sys.executable, str(ROOT / "deploy" / "check-proof.py"), *map(str, files)]
    return subprocess.run(argv, capture_output=True, text=True, check=False, cwd=folder, env={})


def test_a_proof_is_checked_with_nothing_but_the_public_key(history: Ledger, tmp_path: Path) -> None:
    proof = export(history.db, REQUESTS[0], history.roots)

    done = checked(proof, public_pem(history.keys), tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "proven, signed 2026-06-01: RequestAccepted privacy.accepted/0@0" in done.stdout
    assert "proven, signed 2026-06-02: RequestClosed privacy.closed/0@0" in done.stdout
    assert "2 entries, 0 not proven, 0 too young" in done.stdout


def test_a_proof_shows_one_request_and_none_of_its_neighbours(history: Ledger) -> None:
    text = json.dumps(export(history.db, REQUESTS[2], history.roots))

    assert REQUESTS[2] in text
    assert [other for other in REQUESTS if other != REQUESTS[2] and other in text] == []


def test_an_edited_proof_is_refused(history: Ledger, tmp_path: Path) -> None:
    proof = export(history.db, REQUESTS[0], history.roots)
    proof["entries"][0]["entry"] = proof["entries"][0]["entry"].replace("us-ca", "us-va")

    done = checked(proof, public_pem(history.keys), tmp_path)

    assert done.returncode == 1
    assert "is not an entry of the chain it names: RequestAccepted" in done.stdout


def test_a_proof_under_another_key_is_refused(history: Ledger, tmp_path: Path) -> None:
    other = FileKeyStore(tmp_path / "other")
    other.create()

    done = checked(export(history.db, REQUESTS[0], history.roots), public_pem(other), tmp_path)

    assert done.returncode == 1
    assert "nothing is proven" in done.stderr


def test_entries_too_young_to_be_signed_are_counted(history: Ledger) -> None:
    proof = export(history.db, REQUESTS[11], history.roots)

    assert (proof["unsigned"], proof["entries"]) == (1, [])


def test_the_script_that_checks_proofs_is_short_and_needs_no_code_of_ours() -> None:
    text = (ROOT / "deploy" / "check-proof.py").read_text(encoding="utf-8")

    assert len(text.splitlines()) <= 60
    assert not {"schemas", "services", "rules"} & {line.split()[1].split(".")[0] for line in text.splitlines()
                                                   if line.startswith(("import ", "from "))}  # fmt: skip
