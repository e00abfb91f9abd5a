"""What must be agreed with an OpenDSR processor."""

from typing import Literal

from pydantic import Field

from connectors.holdings import Mapped
from schemas.scalars import Code

IdentityType = Literal[
    "controller_customer_id", "android_advertising_id", "android_id", "email", "fire_advertising_id",
    "ios_advertising_id", "ios_vendor_id", "microsoft_advertising_id", "microsoft_publisher_id", "roku_publisher_id",
    "roku_advertising_id",
]  # fmt: skip
"""OpenDSR 2.0, section 5. There is none for phones, addresses or orders: use `controller_customer_id`."""


class Identity(Mapped):
    """How one record key is told: as what, and how it is written. A hash of an e-mail is still personal data."""

    type: IdentityType
    format: Literal["raw", "sha1", "md5", "sha256"] = "raw"


class OpenDsrOptions(Mapped):
    """How a processor is addressed and known."""

    domain: str = Field(
        pattern=r"^[a-z0-9.-]+\.[a-z]+$", description="the processor's domain, named in its certificate"
    )
    identities: dict[Code, Identity] = Field(min_length=1, description="record key -> what it is told as")
    regulation: Literal["gdpr", "ccpa"] | None = Field(None, description="by the request's law if not given")
    callback_url: str | None = Field(None, description="where the processor may tell us that a status changed")
    headers: dict[str, str] = Field({}, description="header -> the variable that holds its value")
    authorities: str | None = Field(None, description="variable with a file of trusted authorities; else the system's")
    certificate_url: str | None = Field(
        None, pattern="^https://", description="where its certificate is, when that is another host than its own"
    )
    signed: bool = Field(default=True, description="whether an answer without a valid signature is refused")
    legacy: bool = Field(default=False, description="the processor still speaks OpenGDPR 1: old paths and headers")
    poll_s: float = Field(3_600.0, gt=0, description="how long to wait between two looks at the status")

    @property
    def requests(self) -> str:
        """The path of requests."""
        return "/opengdpr_requests" if self.legacy else "/requests"
