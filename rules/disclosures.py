"""What a brand tells everybody about its data: categories, sources, purposes, recipients, practices. In codes."""

from collections.abc import Iterable
from enum import StrEnum

from pydantic import Field

from rules.facts import Sourced
from schemas.values import Population


class Category(StrEnum):
    """Categories of personal data, after Civ. Code 1798.140(v)."""

    IDENTIFIERS = "identifiers"
    CUSTOMER_RECORDS = "customer_records"
    PROTECTED = "protected"
    COMMERCIAL = "commercial"
    INTERNET_ACTIVITY = "internet_activity"
    EMPLOYMENT = "employment"
    SENSITIVE = "sensitive"
    BIOMETRIC = "biometric"
    EDUCATION = "education"
    INFERENCES = "inferences"


class Origin(StrEnum):
    """Where data comes from."""

    PERSON = "person"
    DEVICE = "device"
    CLIENTS = "clients"
    AFFILIATES = "affiliates"
    THIRD_PARTIES = "third_parties"


class Purpose(StrEnum):
    """What data is used for."""

    PROVIDE_SERVICES = "provide_services"
    COMMUNICATE = "communicate"
    MARKETING = "marketing"
    CUSTOMER_SERVICE = "customer_service"
    SITE_IMPROVEMENT = "site_improvement"
    RESEARCH_DEVELOPMENT_ANALYTICS = "research_development_analytics"
    FRAUD_ILLEGAL_ACTIVITY = "fraud_illegal_activity"
    LEGAL_CLAIMS = "legal_claims"
    OTHER_DISCLOSED_OR_CONSENTED = "other_disclosed_or_consented"
    CLIENT_INSTRUCTED = "client_instructed"


class Recipient(StrEnum):
    """Who receives data."""

    SUBSIDIARY_AFFILIATE = "subsidiary_affiliate"
    SERVICE_PROVIDER = "service_provider"
    ADVERTISING_PARTNER = "advertising_partner"
    AUTHORITY_LEGAL_PROCESS = "authority_legal_process"
    PROTECTION = "protection"
    BUSINESS_TRANSACTION = "business_transaction"
    CONSENT_DIRECTION = "consent_direction"
    OWNING_CLIENT = "owning_client"


class CategoryRow(Sourced):
    """One row of the brand's table: what of whom is collected, from where, why, and who gets it."""

    populations: list[Population] = Field(min_length=1)
    category: Category
    examples: list[str] = Field(min_length=1)
    origins: list[Origin] = Field(min_length=1)
    purposes: list[Purpose] = Field(min_length=1)
    disclosed_to: list[Recipient] = []
    sold_to: list[Recipient] = []
    shared_with: list[Recipient] = Field([], description="for cross-context behavioral advertising")


class Practice(Sourced):
    """Whether the brand does a thing people can opt out of."""

    done: bool
    note: str = ""


class Practices(Sourced):
    """What there is to opt out of. The answer to an opt-out says so, whatever was done before."""

    sale: Practice
    sharing_for_advertising: Practice
    sharing_for_marketing: Practice
    profiling: Practice
    sensitive: Practice


def rows_for(table: Iterable[CategoryRow], populations: Iterable[Population]) -> list[CategoryRow]:
    """The rows about any of these populations, in the table's order."""
    wanted = set(populations)
    return [row for row in table if wanted & set(row.populations)]


def two_lists(
    rows: Iterable[CategoryRow],
) -> tuple[dict[Recipient, list[Category]], dict[Recipient, list[Category]]]:
    """Sales and shares, and disclosures for a business purpose: per recipient, the categories it got, sorted.

    Source: Civ. Code 1798.115, 1798.130(a)(4): two separate lists.
    """
    sold: dict[Recipient, set[Category]] = {}
    disclosed: dict[Recipient, set[Category]] = {}
    for row in rows:
        for recipient in (*row.sold_to, *row.shared_with):
            sold.setdefault(recipient, set()).add(row.category)
        for recipient in row.disclosed_to:
            disclosed.setdefault(recipient, set()).add(row.category)
    return _sorted(sold), _sorted(disclosed)


def _sorted(found: dict[Recipient, set[Category]]) -> dict[Recipient, list[Category]]:
    return {recipient: sorted(found[recipient]) for recipient in sorted(found)}
