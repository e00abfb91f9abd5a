"""A file that seeds the register of clients: read once, for those not yet there. From then on the database is right."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from rules.errors import PolicyProblem
from rules.normalise import normalise
from rules.yaml_text import parse
from schemas.scalars import Email, Filled, Slug
from schemas.values import Mode, PointKind
from services.clients.jose import public_keys
from services.clients.registry import Client, Transport
from services.kernel.errors import Misconfigured


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Filled
    contact: Email
    mode: Mode = Mode.FORWARD
    transport: Transport = "topic"
    url: str | None = None
    jwk: str | None = Field(None, description="file with its public key, beside this one")
    account: str | None = Field(None, description="the account it holds with the company")


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    clients: dict[Slug, _Entry] = Field(min_length=1)


def read_seed(file: Path) -> list[Client]:
    """The clients a file names.

    Raises:
        Misconfigured: the file, or a key file it names, is not there or wrong; says where and what.
    """
    if not file.is_file():
        raise Misconfigured(f"there is no file {file}")
    try:
        entries = parse(str(file), file.read_text("utf-8"), _File).clients
    except PolicyProblem as problem:
        raise Misconfigured(str(problem)) from None
    return [
        Client(
            name, e.name, e.contact, e.mode, e.transport, e.url, read_keys(file.parent / e.jwk) if e.jwk else None,
            account=account_number(e.account),
        )
        for name, e in entries.items()
    ]  # fmt: skip


def account_number(account: str | None) -> str | None:
    """An account's number in the form the directory compares.

    Raises:
        Misconfigured: it cannot be one.
    """
    normal = normalise(PointKind.ACCOUNT_NUMBER, account) if account else None
    if account and not normal:
        raise Misconfigured("an account must be an account number as the directory holds it")
    return normal


def read_keys(file: Path) -> dict[str, object]:
    """A client's public keys from a file.

    Raises:
        Misconfigured: there is none, or it is not what a key file must be.
    """
    if not file.is_file():
        raise Misconfigured(f"there is no key file {file}")
    try:
        return public_keys(file.read_text("utf-8"))
    except Misconfigured as problem:
        raise Misconfigured(f"{file}: {problem}") from None
