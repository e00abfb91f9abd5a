"""Rows a loader might bring, and what somebody might offer."""

from typing import Any

from schemas.public import PostalAddress, Subject
from services.directory.offered import Offered, merge, offered

BRAND = "parcelwise"
ADA = {
    "brand": BRAND,
    "population": "account_holder",
    "system": "accounts",
    "link": "AC-1",
    "record_keys": "account_id=AC-1",
    "name": "Ada Lovelace",
    "email": "ada.lovelace@gmail.com",
    "phone": "(801) 555-0142",
    "address_line": "842 E 1700 S Apt 4",
    "city": "Salt Lake City",
    "region": "UT",
    "postcode": "84105",
    "account_number": "AC-1",
    "held_since": "2024-05-01",
}
BEN = {
    "brand": BRAND,
    "population": "account_holder",
    "system": "accounts",
    "link": "AC-2",
    "record_keys": "account_id=AC-2",
    "name": "Ben Nakamura",
    "email": "ben@example.org",
    "phone": "801 555 0143",
    "held_since": "2024-05-01",
}
PARCEL = {
    "brand": BRAND,
    "population": "recipient",
    "client": "acme",
    "system": "shipments",
    "link": "acme/1",
    "record_keys": "recipient_id=r1",
    "name": "Ada Lovelace",
    "email": "ada@example.org",
    "tracking_number": "1Z 0042",
    "postcode": "84105",
}


def offer(brand: str = BRAND, country: str = "US", **said: Any) -> Offered:
    """What somebody says of themself, ready to be looked up."""
    if "address" in said:
        said["addresses"] = [PostalAddress.model_validate(said.pop("address"))]
    for one, many in (("email", "emails"), ("phone", "phones"), ("tracking_number", "tracking_numbers")):
        if one in said:
            said[many] = [said.pop(one)]
    return merge(brand, offered(Subject.model_validate(said), country))
