"""The door where people fetch their packages, beside the services: the links of letters lead there."""

import os
import sys
from pathlib import Path

from stack import ports, processes
from stack.endpoints import Endpoints
from stack.files import read_json, write_json
from stack.workers import Worker

NAME = "door"
ADDRESS = "RIGHTSBUS_PACKAGE_DOOR_URL"
DOOR_FILE = "door.json"


def port_of(data_dir: Path) -> int:
    """Give the door's port: the same as long as it is free, for links lie in letters already."""
    kept = read_json(data_dir / DOOR_FILE) or {}
    port = ports.free_port(kept.get("port"))
    write_json(data_dir / DOOR_FILE, {"port": port})
    return port


def door_worker(endpoints: Endpoints) -> Worker | None:
    """Name the door's worker and tell the environment its address; None where the address of another one is given."""
    if os.environ.get(ADDRESS):
        return None
    port = port_of(endpoints.data_dir)
    os.environ[ADDRESS] = f"http://{ports.LOOPBACK}:{port}"
    command = ("packages", "door", "--port", str(port), "--data", str(endpoints.data_dir))
    return Worker(NAME, (sys.executable, "-m", "services.ops.cli", *command), processes.python_environment())
