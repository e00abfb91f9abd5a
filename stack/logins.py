"""The services' broker passwords: kept in `logins.json`, drawn once, or given by the environment.

`python -m stack.logins --data FOLDER` writes them ahead of provisioning.
"""

import argparse
import os
import secrets
from pathlib import Path

from stack.files import private_folder, read_json, write_json

SERVICES = ("intake", "verifier", "fulfiller", "notifier", "ops")
LOGINS_FILE = "logins.json"
_GIVEN = "RIGHTSBUS_LOGIN_"


def read_logins(data_dir: Path) -> dict[str, str]:
    """Give name -> password of every service that has one; empty when none was made."""
    return dict(read_json(data_dir / LOGINS_FILE) or {})


def ensure_logins(data_dir: Path) -> dict[str, str]:
    """Give every service's password; those missing come from RIGHTSBUS_LOGIN_<NAME> or are drawn."""
    private_folder(data_dir)
    known = read_logins(data_dir)
    for name in SERVICES:
        given = os.environ.get(_GIVEN + name.upper())
        known[name] = given or known.get(name) or secrets.token_urlsafe(24)
    write_json(data_dir / LOGINS_FILE, known)
    return known


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(prog="python -m stack.logins", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="data folder of the system")
    ensure_logins(parser.parse_args().data)


if __name__ == "__main__":
    main()
