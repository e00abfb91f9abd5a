import runpy
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.clients import hooks
from services.kernel.keys import FileKeyStore
from tests.support.source import ROOT

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
BODY = b'{"type": "request"}'


@pytest.fixture
def store(tmp_path: Path) -> FileKeyStore:
    keys = FileKeyStore(tmp_path)
    keys.create()
    return keys


def test_every_client_and_every_round_has_a_secret_of_its_own(store: FileKeyStore) -> None:
    secrets = {hooks.secret(store, client, number) for client in ("acorn", "acorn-1", "birch") for number in (1, 2, 11)}

    assert len(secrets) == 9
    assert hooks.secret(store, "acorn", 1) == hooks.secret(store, "acorn", 1)


def test_the_receiver_in_the_documentation_takes_our_posts_and_no_other(
    store: FileKeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = hooks.secret(store, "acorn", 1)
    monkeypatch.setenv("SECRET", secret)
    ours = runpy.run_path(str(ROOT / "docs/clients/webhook.py"))["ours"]
    header, now = hooks.sign(secret, BODY, NOON), NOON.timestamp()

    assert ours(header, BODY, now + 60)
    assert not ours(header, BODY + b" ", now)
    assert not ours(header, BODY, now + 301)
    assert not ours(header.replace("v1=", "v1=0"), BODY, now)
    assert not ours(hooks.sign(hooks.secret(store, "acorn", 2), BODY, NOON), BODY, now)
    assert not ours(hooks.sign(secret, BODY, NOON + timedelta(minutes=1)).split(",")[0], BODY, now)
    assert not ours("", BODY, now)
    assert not ours("t=x,v1=y", BODY, now)
