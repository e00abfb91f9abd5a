"""The worlds every connector's contract is tried in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.worlds import (
    DocumentedWorld,
    DrawerWorld,
    FilesWorld,
    HttpWorld,
    OpenDsrWorld,
    ParticipantWorld,
    SqlWorld,
    World,
)
from tests.support.mariadb import mariadb, there_is_one

SUFFIXES = {"csv": ".csv", "json": ".json", "jsonl": ".jsonl"}
NAMES = ["postgresql", "mariadb"] if there_is_one() else ["postgresql"]
SERVERS = [pytest.param(name, marks=pytest.mark.integration) for name in NAMES]
DATABASES = ["sqlite", *SERVERS]
KINDS = [*DATABASES, "fake", *SUFFIXES, "http", "http-later", "opendsr", "participant", "documented"]


@pytest.fixture(scope="session")
def mariadb_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mariadb(tmp_path_factory.mktemp("mysql")) as url:
        yield url


def world_of(kind: str, folder: Path, request: pytest.FixtureRequest) -> World:  # noqa: PLR0911  one per kind
    if kind == "postgresql":
        return SqlWorld(request.getfixturevalue("module_database_url"))
    if kind == "mariadb":
        return SqlWorld(request.getfixturevalue("mariadb_url"))
    if kind == "sqlite":
        return SqlWorld(f"sqlite:///{folder / 'shop.db'}")
    if kind.startswith("http"):
        return HttpWorld(later=kind == "http-later")
    if kind == "opendsr":
        return OpenDsrWorld(folder)
    if kind == "participant":
        return ParticipantWorld()
    if kind == "documented":
        return DocumentedWorld(folder)
    return DrawerWorld() if kind == "fake" else FilesWorld(folder, SUFFIXES[kind])


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    made = world_of(request.param, tmp_path, request)
    yield made
    made.close()


@pytest.fixture(params=[*DATABASES, *SUFFIXES])
def aging(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A world whose rows can go by their age."""
    made = world_of(request.param, tmp_path, request)
    yield made
    made.close()


@pytest.fixture(params=DATABASES)
def sql(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    made = world_of(request.param, tmp_path, request)
    yield made
    made.close()
