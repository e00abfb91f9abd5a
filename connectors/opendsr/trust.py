"""Whether something was said by the processor: certificate, domain, signature. Checked over raw bytes."""

import base64
import binascii
import ssl
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from connectors.registry import NoSuchConnector

PREFIXES = ("x-opendsr-", "x-opengdpr-")
"""Header names of today, and those of OpenGDPR, which must still be honoured."""


class Untrusted(Exception):
    """It cannot be shown that the processor said this; the code says which check failed."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def header(headers: Mapping[str, str], name: str) -> str:
    """A header by its name of today or its older one; empty when it is not there."""
    lower = {key.lower(): value for key, value in headers.items()}
    return next((value for prefix in PREFIXES if (value := lower.get(prefix + name))), "")


@dataclass(frozen=True, slots=True)
class Trust:
    """Authorities we trust to say who owns a domain, and the domain."""

    domain: str
    authorities: tuple[x509.Certificate, ...]

    @classmethod
    def of(cls, system: str, domain: str, file: str | None) -> "Trust":
        """Trust the authorities in a PEM file, or those of this machine.

        Raises:
            NoSuchConnector: the file cannot be read.
        """
        try:
            trusted = x509.load_pem_x509_certificates(Path(file).read_bytes()) if file else list(_of_this_machine())
        except (OSError, ValueError):
            raise NoSuchConnector(f"{system}: the file of trusted authorities cannot be read as PEM") from None
        return cls(domain, tuple(trusted))

    def certificate(self, pem: bytes) -> x509.Certificate:
        """The processor's certificate out of what it sent: its own first, then those between it and an authority.

        Raises:
            Untrusted: no certificate, for another domain, expired, self-signed, or of nobody we trust.
        """
        try:
            leaf, *between = x509.load_pem_x509_certificates(pem)
        except ValueError:
            raise Untrusted("no_certificate") from None
        if leaf.issuer == leaf.subject:
            raise Untrusted("self_signed")
        policy = PolicyBuilder().store(Store(list(self.authorities)))
        try:
            policy.build_server_verifier(x509.DNSName(self.domain)).verify(leaf, between)
        except (VerificationError, ValueError):
            raise Untrusted("untrusted_certificate") from None
        return leaf

    def check(self, headers: Mapping[str, str], raw: bytes, certificate: x509.Certificate) -> None:
        """Check that these bytes were signed by the owner of the domain.

        Raises:
            Untrusted: another domain, or no or a wrong signature.
        """
        if header(headers, "processor-domain").lower() != self.domain:
            raise Untrusted("unknown_domain")
        try:
            signature = base64.b64decode(header(headers, "signature"), validate=True)
            _verify(certificate, signature, raw)
        except (InvalidSignature, binascii.Error):
            raise Untrusted("bad_signature") from None


def _verify(certificate: x509.Certificate, signature: bytes, raw: bytes) -> None:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, raw, padding.PKCS1v15(), SHA256())
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, raw, ec.ECDSA(SHA256()))
    else:
        raise InvalidSignature


@cache
def _of_this_machine() -> Sequence[x509.Certificate]:
    """Authorities of this machine, without those whose certificate breaks the rules for certificates."""
    trusted = []
    with warnings.catch_warnings():
        warnings.simplefilter("error", CryptographyDeprecationWarning)
        for one in ssl.create_default_context().get_ca_certs(binary_form=True):
            with suppress(ValueError, CryptographyDeprecationWarning):
                trusted.append(x509.load_der_x509_certificate(one))
    return trusted
