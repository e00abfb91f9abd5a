"""The official Kafka image, with the listeners and logins of the embedded broker, where Docker answers."""

import contextlib
import os
import shlex
import socket
from collections.abc import Iterator
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from testcontainers.core.container import DockerContainer

from stack import ports
from stack.broker import new_identity
from stack.endpoints import Login
from stack.jars import KAFKA_VERSION
from stack.kafka_config import ADMIN, properties

_SETTINGS = "/tmp/server.properties"  # noqa: S108  inside the container
_READY_WITHIN_S = 90.0


def docker_answers() -> bool:
    """Say whether a Docker daemon can be used; RIGHTSBUS_TEST_DOCKER=0 says no without asking."""
    host = urlsplit(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"))
    if os.environ.get("RIGHTSBUS_TEST_DOCKER") == "0" or host.scheme not in {"unix", "tcp"}:
        return False
    local = host.scheme == "unix"
    with socket.socket(socket.AF_UNIX if local else socket.AF_INET) as daemon, contextlib.suppress(OSError):
        daemon.settimeout(3)
        daemon.connect(host.path if local else (host.hostname, host.port or 2375))
        daemon.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        return b" 200 " in daemon.recv(64)
    return False


@contextlib.contextmanager
def kafka_container() -> Iterator[tuple[str, Login]]:
    """Run a broker in a container; give its address and its admin."""
    identity = new_identity()
    text = properties(identity, PurePosixPath("/tmp/kafka-data"), bind="0.0.0.0")  # noqa: S104, S108  in the container
    scram = f"SCRAM-SHA-256=[name={ADMIN},password={identity.admin_password}]"
    script = (
        f"printf %s {shlex.quote(text)} > {_SETTINGS}"
        f" && /opt/kafka/bin/kafka-storage.sh format -t {shlex.quote(identity.cluster_id)} -c {_SETTINGS}"
        f" --add-scram {shlex.quote(scram)} && exec /opt/kafka/bin/kafka-server-start.sh {_SETTINGS}"
    )
    container = DockerContainer(f"apache/kafka:{KAFKA_VERSION}").with_command(["bash", "-c", script])
    with container.with_bind_ports(identity.client_port, identity.client_port):
        if not ports.wait_for(lambda: ports.answers(identity.client_port), within_s=_READY_WITHIN_S):
            message = "the broker in the container does not listen"
            raise TimeoutError(message)
        yield f"{ports.LOOPBACK}:{identity.client_port}", Login(ADMIN, identity.admin_password)
