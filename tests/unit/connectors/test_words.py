"""What a column's name suggests."""

import pytest

from connectors.words import guess, words


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("billing_address", ["billing", "address"]),
        ("BillingAddress", ["billing", "address"]),
        ("customerEMail2", ["customer", "e", "mail"]),
        ("IPAddress", ["ip", "address"]),
        ("ship-to name", ["ship", "to", "name"]),
    ],
)
def test_a_name_is_taken_apart_however_it_is_written(name: str, said: list[str]) -> None:
    assert words(name) == said


@pytest.mark.parametrize(
    ("name", "category", "personal", "secret"),
    [
        ("Email", "identifiers", True, False),
        ("FirstName", "identifiers", True, False),
        ("password_hash", "identifiers", True, True),
        ("card_number", "customer_records", True, True),
        ("ssn", "national_id", True, True),
        ("BirthDate", "protected", True, False),
        ("last_ip", "internet_activity", True, False),
        ("Total", "commercial", False, False),
        ("CustomerId", "identifiers", False, False),
        ("tracking_number", "commercial", False, False),
        ("colour", "identifiers", False, False),
        ("state", "identifiers", False, False),
    ],
)
def test_a_name_suggests_what_it_holds(name: str, category: str, personal: bool, secret: bool) -> None:
    found = guess(name)

    assert (found.category, found.personal, found.secret) == (category, personal, secret)
