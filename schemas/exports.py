"""What a system that reads its task topic itself sends back: exported rows, piece by piece, sealed to our key."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.base import Event
from schemas.scalars import PartId, Slug, Token

MOST_PIECES = 10_000


class ExportUploaded(Event):
    """One piece of what a system exported for a task. The last one to come ends the task; nothing else need say so."""

    type: Literal["ExportUploaded"] = "ExportUploaded"
    task_id: str
    system: Slug
    part: PartId
    attempt: int = Field(1, ge=1)
    number: int = Field(ge=0, lt=MOST_PIECES, description="which piece this is, from 0")
    of: int = Field(ge=1, le=MOST_PIECES, description="how many there are in all")
    jwe: Annotated[str, Field(max_length=70_000, description="at most 40 KiB of rows, sealed to `upload_jwk`")]
    reply_token: Token
