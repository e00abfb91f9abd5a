"""Another company's OpenDSR door, with an authority that vouches for it."""

import base64
import json
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from connectors.port import Task
from schemas.values import Action
from tests.contract.backend import Reply, exported, raw, told
from tests.contract.fake import Drawer

DOMAIN = "opendsr.vendor.example"
CALLBACK = "https://privacy.example/opendsr/callbacks"
OPTIONS: dict[str, Any] = {
    "domain": DOMAIN,
    "identities": {"person_id": {"type": "controller_customer_id"}},
    "callback_url": CALLBACK,
    "headers": {"authorization": "SHOP_TOKEN"},
    "authorities": "SHOP_AUTHORITIES",
    "poll_s": 1,
}


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """An authority nobody but a test trusts."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self.vouch("An Authority", self.key, days=30)
        self.pem = self.certificate.public_bytes(Encoding.PEM)

    def vouch(self, domain: str, key: ec.EllipticCurvePrivateKey, *, days: int) -> x509.Certificate:
        """Give a certificate: for a domain, or for the authority itself under its own key."""
        own, now = key is self.key, datetime.now(UTC)
        kind = x509.BasicConstraints(ca=own, path_length=None)
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=own, crl_sign=own, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        ours = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(domain))
            .issuer_name(_name("An Authority"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=60))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(kind, critical=True)
            .add_extension(usage, critical=True)
            .add_extension(ours, critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        if not own:
            server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(domain)]), critical=False)
            builder = builder.add_extension(server, critical=False)
        return builder.sign(self.key, SHA256())


@cache
def authority() -> Authority:
    """The one of this run: making keys takes time."""
    return Authority()


@cache
def vendor_key() -> ec.EllipticCurvePrivateKey:
    """The processor's key."""
    return ec.generate_private_key(ec.SECP256R1())


def sign(body: bytes, key: ec.EllipticCurvePrivateKey | None = None, *, prefix: str = "X-OpenDSR") -> dict[str, str]:
    """The headers of something the processor says."""
    signature = base64.b64encode((key or vendor_key()).sign(body, ec.ECDSA(SHA256()))).decode()
    return {f"{prefix}-Processor-Domain": DOMAIN, f"{prefix}-Signature": signature}


class Processor:
    """The little company as a processor: it takes requests on, and has done them at the second look."""

    def __init__(self, drawer: Drawer) -> None:
        self.drawer, self.certificate = drawer, authority().vouch(DOMAIN, vendor_key(), days=30)
        self.requests: dict[str, dict[str, Any]] = {}
        self.looks: dict[str, int] = {}
        self.status: dict[str, dict[str, Any]] = {}
        self.results: dict[str, Any] = {}
        self.types = ["access", "erasure"]
        self.prefix = "X-OpenDSR"

    def answer(  # noqa: PLR0911  one answer per request
        self, method: str, path: str, headers: dict[str, str], body: Any
    ) -> Reply:
        """What comes back; answers about requests are signed."""
        parts = urlsplit(path).path.split("/")[2:]
        match method, parts:
            case "GET", ["discovery"]:
                return 200, self._offer()
            case "GET", ["certificate"]:
                return 200, self.certificate.public_bytes(Encoding.PEM)
            case "GET", ["results", name]:
                return 200, self.results[name]
            case "POST", ["requests" | "opengdpr_requests"] if headers.get("authorization") == "Bearer sesame":
                return self._take(body)
            case "GET", ["requests" | "opengdpr_requests", name] if name in self.requests:
                return self._signed(200, self._look(name))
            case "DELETE", ["requests" | "opengdpr_requests", name] if self.looks.get(name) == 0:
                self.status[name] = {"request_status": "cancelled"}
                return 202, {}
        return 404, {"error": {"code": 404, "message": "no such request"}}

    def _offer(self) -> dict[str, Any]:
        identity = {"identity_type": "controller_customer_id", "identity_format": "raw"}
        return {"api_version": "2.0", "supported_identities": [identity],
                "supported_subject_request_types": self.types, "processor_certificate": "/certificate"}  # fmt: skip

    def _take(self, body: dict[str, Any]) -> Reply:
        name = body["subject_request_id"]
        assert UUID(name).version == 4
        if name in self.requests:
            return 400, {"error": {"code": 400, "message": "known already"}}
        self.requests[name], self.looks[name] = body, 0
        return self._signed(201, {"controller_id": "us", "subject_request_id": name, "encoded_request": "c2VjcmV0"})

    def _look(self, name: str) -> dict[str, Any]:
        self.looks[name] += 1
        told = {"controller_id": "us", "subject_request_id": name, "request_status": "in_progress"}
        if self.looks[name] >= 2 and name not in self.status:
            self.status[name] = self._done(name, self.requests[name])
        return told | self.status.get(name, {})

    def _done(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        limits = body.get("extensions", {}).get(DOMAIN, {})
        keys = tuple({"person_id": one["identity_value"]} for one in body["subject_identities"])
        action = {"access": Action.EXPORT, "erasure": Action.ERASE}[body["subject_request_type"]]
        days: dict[str, Any] = {k: date.fromisoformat(limits[k]) for k in ("since", "until", "today") if k in limits}
        task = Task(uuid4(), "theirs", "shop", action, keys, limits.get("client"), **days)
        if action is Action.EXPORT:
            found = {table: raw(self.drawer, table, rows) for table, rows in exported(self.drawer, task).items()}
            self.results[name] = found
            count = sum(len(rows) for rows in found.values())
            return {"request_status": "completed", "results_url": f"/results/{name}", "results_count": count}
        receipt = self.drawer.change(task)
        return {"request_status": "completed", "extensions": {DOMAIN: told(receipt)}}

    def _signed(self, status: int, body: dict[str, Any]) -> Reply:
        text = json.dumps(body).encode()
        return status, (text, sign(text, prefix=self.prefix))
