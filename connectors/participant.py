"""A system that reads its task topic itself. What is personal travels sealed, to its key and back to ours.

Its record keys come as a JWE in the assignment, made with the public key its entry in the data map holds. Exported rows
go back in pieces, each sealed to the key the assignment brings. `docs/connectors.md` has a whole participant.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from pydantic import BaseModel, ConfigDict, Field, field_validator

from connectors.holdings import Holding, Mapped, SqlName
from connectors.port import Chunk, Task
from connectors.reach import disclosed
from connectors.registry import options
from connectors.systems import SystemMap
from schemas.scalars import Code

ALGORITHMS: Final = ("ECDH-ES+A256KW", "A256GCM")
PIECE: Final = 40 * 1024
"""Bytes of rows per piece, before sealing: libraries open a JWE of 64 KiB at the most unless told otherwise."""
_PUBLIC: Final = ("kty", "crv", "x", "y", "kid")

Jwk = Mapping[str, Any]


class CannotOpen(ValueError):
    """Not sealed to this key."""


class Piece(BaseModel):
    """Some exported rows of one table or kind, as they are sealed."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    category: Code
    table: SqlName
    rows: list[dict[str, Any]] = Field(min_length=1)


class ParticipantOptions(Mapped):
    """The public key of the system, an EC key on P-256."""

    jwk: dict[str, str]

    @field_validator("jwk")
    @classmethod
    def _is_public(cls, jwk: dict[str, str]) -> dict[str, str]:
        if (jwk.get("kty"), jwk.get("crv")) != ("EC", "P-256"):
            message = "must be of `kty: EC` and `crv: P-256`"
        elif "d" in jwk:
            message = "is a private key: keep it, and give its public half"
        elif not _is_point(jwk):
            message = "`x` and `y` are no point of P-256"
        else:
            return jwk
        raise ValueError(message)


def _is_point(jwk: Jwk) -> bool:
    try:
        return _key(jwk).public_key is not None
    except (JoseError, ValueError, KeyError, TypeError):
        return False


def _key(jwk: Jwk) -> ECKey:
    return ECKey.import_key({name: jwk[name] for name in _PUBLIC if name in jwk})


def key_of(name: str, declared: SystemMap) -> Jwk:
    """The public key of a participant.

    Raises:
        NoSuchConnector: its options do not hold one.
    """
    return options(name, declared, ParticipantOptions).jwk


def seal(jwk: Jwk, content: Any) -> str:  # noqa: ANN401  any JSON value
    """Seal something to a public key, as a compact JWE."""
    header = {"alg": ALGORITHMS[0], "enc": ALGORITHMS[1], "cty": "application/json"}
    header |= {"kid": jwk["kid"]} if "kid" in jwk else {}
    return jwe.encrypt_compact(header, json.dumps(content).encode(), _key(jwk), algorithms=list(ALGORITHMS))


def opened(private: Jwk, token: str) -> bytes:
    """Open what was sealed to the public half of a key.

    Raises:
        CannotOpen: it was not.
    """
    try:
        return jwe.decrypt_compact(token, ECKey.import_key(dict(private)), list(ALGORITHMS)).plaintext or b""
    except (JoseError, ValueError, TypeError):
        raise CannotOpen from None


def seal_keys(jwk: Jwk, task: Task) -> str:
    """What a participant needs to know of a task beyond its assignment: record keys, and values to set right."""
    corrections = [{"field": one.field, "new": one.new} for one in task.corrections]
    return seal(jwk, {"keys": [dict(keys) for keys in task.keys], "corrections": corrections})


def seal_rows(jwk: Jwk, chunks: Iterable[Chunk]) -> list[str]:
    """Seal exported rows in pieces small enough for one record each."""
    return [seal(jwk, piece) for chunk in chunks for piece in _pieces(chunk)]


@dataclass(frozen=True, slots=True)
class Shown:
    """The rows of a piece as they may be shown, and the categories they hold data of."""

    categories: tuple[str, ...]
    rows: list[dict[str, Any]]


def shown(piece: Piece, holds: Iterable[Holding]) -> Shown:
    """Leave out of a piece what the data map does not declare, and the values that must never be disclosed."""
    holding = next((one for one in holds if one.name == piece.table), None)
    if holding is None:
        return Shown((piece.category,), piece.rows)
    return Shown(holding.categories, [disclosed(holding.fields, holding.shown(row)) for row in piece.rows])


def _pieces(chunk: Chunk) -> Iterator[dict[str, Any]]:
    rows: list[Mapping[str, Any]] = []
    size = 0
    for row in chunk.rows:
        width = len(json.dumps(row))
        if rows and size + width > PIECE:
            yield {"category": chunk.category, "table": chunk.table, "rows": rows}
            rows, size = [], 0
        rows.append(row)
        size += width
    if rows:
        yield {"category": chunk.category, "table": chunk.table, "rows": rows}
