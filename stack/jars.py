"""Kafka's program files: fetched once per user, each checked against a pinned SHA-256.

`jars.lock` pins them; `python -m stack.jars` prints a new one when the version changes. They come from
the public Maven repository, and only when the cache lacks them.
"""

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from jgo.maven import MavenContext, PythonResolver

from stack.errors import StackError
from stack.files import locked

KAFKA_VERSION = "4.3.1"
WANTED = (f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}", "org.slf4j:slf4j-simple:1.7.36")
LOCK = Path(__file__).with_name("jars.lock")
_AT_ONCE = 6
_SAY_EVERY = 10

Echo = Callable[[str], None]


@dataclass(frozen=True)
class Jar:
    """One pinned file: group, artifact and version, and what its bytes must hash to."""

    coordinate: str
    sha256: str

    @property
    def file_name(self) -> str:
        """The name it has in the cache."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"

    def is_in(self, folder: Path) -> bool:
        """Say whether the folder holds this very file."""
        path = folder / self.file_name
        return path.is_file() and _sha256(path) == self.sha256


def cache_dir() -> Path:
    """Give the folder of this user where the files are kept, outside of any data folder."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root).expanduser() / "rightsbus"


def pinned() -> list[Jar]:
    """Read the lock file."""
    rows = (line.split() for line in LOCK.read_text(encoding="ascii").splitlines() if not line.startswith("#"))
    return [Jar(coordinate, digest) for coordinate, digest in rows]


def ensure(echo: Echo = print) -> Path:
    """Give the folder that holds every file Kafka needs, fetching those that are missing or damaged.

    Safe to call from several processes at once: one fetches, the others wait.

    Raises:
        StackError: a file could not be fetched, or is not the one that was pinned.
    """
    folder = cache_dir() / f"kafka-{KAFKA_VERSION}"
    wanted = pinned()
    if all(jar.is_in(folder) for jar in wanted):
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / ".lock"):
        missing = [jar for jar in wanted if not jar.is_in(folder)]
        if missing:
            _fetch_all(missing, folder, echo)
    return folder


def fetch(jar: Jar, folder: Path) -> Path:
    """Fetch one pinned file that is no part of Kafka into a folder; gives where it lies.

    Raises:
        StackError: it could not be fetched, or is not the one that was pinned.
    """
    with tempfile.TemporaryDirectory(dir=folder) as work:
        context = MavenContext(resolver=PythonResolver(), repo_cache=Path(work), local_repos=[], timeout=60)
        _fetch(jar, context, folder)
    return folder / jar.file_name


def _fetch_all(missing: list[Jar], folder: Path, echo: Echo) -> None:
    echo(f"Kafka {KAFKA_VERSION}: fetching {len(missing)} files into {folder} (45 MB, once per user)")
    with tempfile.TemporaryDirectory(dir=folder) as work, ThreadPoolExecutor(_AT_ONCE) as pool:
        context = MavenContext(resolver=PythonResolver(), repo_cache=Path(work), local_repos=[], timeout=60)
        tasks = [pool.submit(_fetch, jar, context, folder) for jar in missing]
        for done, task in enumerate(as_completed(tasks), start=1):
            task.result()
            if done % _SAY_EVERY == 0 or done == len(missing):
                echo(f"Kafka {KAFKA_VERSION}: {done} of {len(missing)} files")


def _fetch(jar: Jar, context: MavenContext, folder: Path) -> None:
    group, artifact, version = jar.coordinate.split(":")
    try:
        fetched = context.project(group, artifact).at_version(version).artifact().resolve()
    except (RuntimeError, OSError) as problem:
        message = (
            f"{jar.coordinate} could not be fetched ({type(problem).__name__}). Check the network and its "
            f"proxy settings and run the command again, or set KAFKA_BOOTSTRAP to use a Kafka of your own."
        )
        raise StackError(message) from problem
    if _sha256(fetched) != jar.sha256:
        message = f"{jar.coordinate} is not the file pinned in {LOCK.name} (its SHA-256 differs); nothing was run"
        raise StackError(message)
    fetched.replace(folder / jar.file_name)


def _sha256(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _print_lock() -> None:
    """Resolve what is wanted and print the lock file's new content."""
    with tempfile.TemporaryDirectory() as work:
        context = MavenContext(resolver=PythonResolver(), repo_cache=Path(work), local_repos=[], timeout=60)
        inputs, transitive = context.resolver.resolve([context.create_dependency(name) for name in WANTED])
        found = {
            f"{d.artifact.groupId}:{d.artifact.artifactId}:{d.artifact.version}": _sha256(d.artifact.resolve())
            for d in inputs + transitive
        }
    sys.stdout.write("# made by `python -m stack.jars`: group:artifact:version sha256\n")
    sys.stdout.writelines(f"{coordinate} {digest}\n" for coordinate, digest in sorted(found.items()))


if __name__ == "__main__":
    _print_lock()
