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

SUFFIXES = {"csv": ".csv", "json": ".json", "jsonl": ".jsonl"}
KINDS = [
    "sqlite", pytest.param("postgresql", marks=pytest.mark.integration), "fake", *SUFFIXES, "http", "http-later",
    "opendsr", "participant", "documented",
]  # fmt: skip


def world_of(kind: str, folder: Path, request: pytest.FixtureRequest) -> World:  # noqa: PLR0911  one per kind
    if kind == "postgresql":
        return SqlWorld(request.getfixturevalue("module_database_url"))
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


@pytest.fixture(params=[*KINDS[:2], *SUFFIXES])
def aging(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A world whose rows can go by their age."""
    made = world_of(request.param, tmp_path, request)
    yield made
    made.close()


@pytest.fixture(params=KINDS[:2])
def sql(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    made = world_of(request.param, tmp_path, request)
    yield made
    made.close()
