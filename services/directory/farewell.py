"""The last letter still has to reach who leaves the directory: their contact on file moves into the case's vault."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final

from pydantic import TypeAdapter

from services.directory.lookup import Contacts, contacts
from services.kernel.keys import KeyStore
from services.kernel.store import Conn
from services.kernel.vault import Vault

_CONTACTS: Final = TypeAdapter(Contacts)

type_leaving = Iterable[tuple[str, str]]
"""Pairs of case key and subject."""


async def keep_contacts(
    conn: Conn, vault: Vault, keys: KeyStore, leaving: type_leaving, held_by: Mapping[str, date]
) -> None:
    """Seal the contacts on file of people about to be forgotten, each with its case; it ends with the case's key.

    `held_by` names the day for each on which their contact counts.
    """
    pairs = set(leaving)
    filed = await contacts(conn, {subject for _, subject in pairs}, keys, held_by=held_by)
    await vault.put(conn, {(case, _name(s)): _CONTACTS.dump_json(filed[s]) for case, s in pairs if s in filed})


async def kept_contacts(conn: Conn, vault: Vault, wanted: type_leaving) -> Mapping[str, Contacts]:
    """The contacts of people who were forgotten, by subject; those never kept are absent."""
    pairs = {(case, _name(subject)): subject for case, subject in wanted}
    found = await vault.get(conn, pairs)
    return {pairs[pair]: _CONTACTS.validate_json(raw) for pair, raw in found.items()}


def _name(subject: str) -> str:
    return f"contact:{subject}"
