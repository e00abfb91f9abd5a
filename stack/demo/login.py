"""How the demo's outsiders log in: each with its own user, from what `rightsbus up --json` says."""

from typing import Any


def client_settings(bootstrap: str, username: str, password: str) -> dict[str, Any]:
    """Settings of a plain kafka-python client."""
    return {
        "bootstrap_servers": bootstrap,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_plain_username": username,
        "sasl_plain_password": password,
    }
