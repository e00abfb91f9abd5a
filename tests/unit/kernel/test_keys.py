"""Keys: created once, private, followed by running processes, and never destroyed while something needs them."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.errors import Misconfigured
from services.kernel.keys import DIRECTORY, FILE, RECORDS, FileKeyStore, KeyGone, KeysMissing
from services.kernel.sealing import CannotOpen, Sealer, seal, unseal

UNUSED = {"in_use": lambda _: 0}


@pytest.fixture
def keys(tmp_path: Path) -> FileKeyStore:
    store = FileKeyStore(tmp_path / "keys")
    store.create()
    return store


def test_creating_twice_keeps_the_first_keys(keys: FileKeyStore, tmp_path: Path) -> None:
    before = keys.derive("ids")

    assert keys.create() == "e1"
    assert FileKeyStore(tmp_path / "keys").derive("ids") == before


def test_creating_at_once_makes_one_set_of_keys(tmp_path: Path) -> None:
    stores = [FileKeyStore(tmp_path / "keys") for _ in range(8)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(FileKeyStore.create, stores))

    assert len({store.derive("ids") for store in stores}) == 1


def test_only_the_owner_may_read_the_file_and_its_copy(keys: FileKeyStore, tmp_path: Path) -> None:
    copy = keys.backup(tmp_path / "elsewhere")

    for file in (tmp_path / "keys" / FILE, copy):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert FileKeyStore(tmp_path / "elsewhere").derive("ids") == keys.derive("ids")


def test_no_keys_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(KeysMissing, match="create them with `rightsbus keys create`"):
        FileKeyStore(tmp_path).current_epoch()
    with pytest.raises(KeysMissing):
        FileKeyStore(tmp_path).rotate()


@pytest.mark.parametrize("text", ["", "nonsense", "[]", "{}", '{"current": {}}'])
def test_a_broken_file_is_said_plainly(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)

    with pytest.raises(Misconfigured, match="is not a key file"):
        FileKeyStore(tmp_path).current_epoch()


def test_a_running_process_follows_rotation_and_destruction(keys: FileKeyStore, tmp_path: Path) -> None:
    running = FileKeyStore(tmp_path / "keys")
    old = running.wrapping_key("e1")

    assert keys.rotate() == "e2"
    assert (running.current_epoch(), running.wrapping_key("e1")) == ("e2", old)
    keys.destroy("e1", **UNUSED)
    with pytest.raises(KeyGone):
        running.wrapping_key("e1")


def test_a_ring_that_came_later_is_asked_for_and_made(keys: FileKeyStore, tmp_path: Path) -> None:
    file = tmp_path / "keys" / FILE
    data = json.loads(file.read_text("utf-8"))
    del data["current"]["d"], data["epochs"]["d1"]
    file.write_text(json.dumps(data), "utf-8")

    with pytest.raises(KeysMissing, match="has no keys d1 yet"):
        FileKeyStore(tmp_path / "keys").current_epoch(DIRECTORY)
    keys.create()
    assert FileKeyStore(tmp_path / "keys").current_epoch(DIRECTORY) == "d1"


def test_the_rings_turn_apart(keys: FileKeyStore) -> None:
    assert keys.rotate(RECORDS) == "r2"

    assert (keys.current_epoch(), keys.current_epoch(RECORDS)) == ("e1", "r2")
    assert keys.epochs() == ["d1", "e1", "r1", "r2"]


def test_a_number_is_never_used_again(keys: FileKeyStore) -> None:
    keys.rotate()
    keys.destroy("e1", **UNUSED)

    assert keys.rotate() == "e3"


@pytest.mark.parametrize(
    ("epoch", "needed", "said"),
    [("e9", 0, "known are: d1, e1, e2, r1"), ("e2", 0, "rotate first"), ("e1", 3, "3 data keys are still wrapped")],
)
def test_destroying_is_refused_with_the_reason(keys: FileKeyStore, epoch: str, needed: int, said: str) -> None:
    keys.rotate()

    with pytest.raises(Misconfigured, match=said):
        keys.destroy(epoch, in_use=lambda _: needed)
    assert keys.epochs() == ["d1", "e1", "e2", "r1"]


def test_destroyed_means_gone_from_the_file(keys: FileKeyStore, tmp_path: Path) -> None:
    before = json.loads((tmp_path / "keys" / FILE).read_text())["epochs"]["e1"]
    keys.rotate()
    keys.destroy("e1", **UNUSED)

    assert before not in (tmp_path / "keys" / FILE).read_text()


@given(st.text(), st.text())
def test_labels_lead_to_different_keys(tmp_path_factory: pytest.TempPathFactory, one: str, other: str) -> None:
    keys = FileKeyStore(tmp_path_factory.getbasetemp() / "labels")
    keys.create()

    assert (keys.derive(one) == keys.derive(other)) is (one == other)
    assert len(keys.derive(one)) == 32


@given(st.binary(), st.binary(), st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_what_is_sealed_opens_with_its_key_and_subject_only(
    plain: bytes, about: bytes, key: bytes, wrong: bytes
) -> None:
    sealed = seal(key, plain, about)

    assert unseal(key, sealed, about) == plain
    with pytest.raises(CannotOpen):
        unseal(key, sealed, about + b"x")
    if wrong != key:
        with pytest.raises(CannotOpen):
            unseal(wrong, sealed, about)


@given(plain=st.binary(max_size=200), at=st.integers(min_value=0), by=st.integers(1, 255))
def test_a_changed_byte_never_opens(plain: bytes, at: int, by: int) -> None:
    key = bytes(32)
    sealed = bytearray(seal(key, plain, b"about"))
    sealed[at % len(sealed)] ^= by

    with pytest.raises(CannotOpen):
        unseal(key, bytes(sealed), b"about")


def test_a_sealer_opens_across_epochs_until_the_key_is_destroyed(keys: FileKeyStore) -> None:
    sealer = Sealer(keys, "outbox")
    first = sealer.seal(b"one")
    keys.rotate()
    second = sealer.seal(b"two")

    assert (sealer.open(first), sealer.open(second)) == (b"one", b"two")
    keys.destroy("e1", **UNUSED)
    with pytest.raises(KeyGone):
        sealer.open(first)
    assert sealer.open(second) == b"two"


def test_sealers_of_other_labels_and_strange_bytes_do_not_open(keys: FileKeyStore) -> None:
    sealer = Sealer(keys, "outbox")

    for sealed in (Sealer(keys, "parked").seal(b"x"), b"", b"e1:", b"e1:short", b"no mark", b"\xff\xfe:zzz"):
        with pytest.raises(CannotOpen):
            sealer.open(sealed)
