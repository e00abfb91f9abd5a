"""Keys for what is sealed or signed."""

import pytest

from services.kernel.keys import FileKeyStore


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FileKeyStore:
    keys = FileKeyStore(tmp_path_factory.mktemp("keys"))
    keys.create()
    return keys
