import time

import pytest
from typer.testing import CliRunner

from bench.system import System
from services.directory.digests import Digests
from services.directory.load import name
from services.directory.person import person_of
from services.ops.cli import app
from tests.integration.directory.test_cli import written
from tests.support.directory import ADA

pytestmark = pytest.mark.integration
WITHIN_S = 60
ROW = ADA | {
    "link": "AC-live",
    "record_keys": "account_id=AC-live",
    "email": "live@example.org",
    "account_number": "7-1",
}


def test_a_change_told_on_the_topic_is_in_the_directory_at_once(system: System, tmp_path) -> None:
    subject, _ = name(person_of(2, ROW), Digests(system.found.keys))
    file, data = written(tmp_path / "row.csv", ROW), str(system.found.endpoints.data_dir)

    def known() -> bool:
        with system.found.connect() as db:
            return bool(db.execute("SELECT 1 FROM directory.person WHERE subject = %s", [subject]).fetchall())

    for more, expected in (([], True), (["--gone"], False)):
        done = CliRunner().invoke(app, ["directory", "digest", str(file), "--send", "--data", data, *more])
        assert done.output == "1 changes told\n"
        end = time.monotonic() + WITHIN_S
        while known() is not expected and time.monotonic() < end:
            time.sleep(0.05)
        assert known() is expected
