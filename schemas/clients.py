"""What passes between a client and us besides a request and its reply: sealed, signed, or by another way than Kafka."""

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from schemas.base import Event
from schemas.events import (
    ClientMessageBase,
    ClientRecall,
    ClientReminder,
    ClientReplied,
    ClientRequest,
    ClientResult,
    ReplyError,
)
from schemas.problems import between_fields
from schemas.public import Correction
from schemas.scalars import Code, Email, Number, OpaqueId, Slug
from schemas.values import Action, Value

MOST_KEYS = 20


class Provider(Value):
    """One service provider that gets data held for clients, the contract that binds it, and what it gets."""

    name: str
    contract: str
    categories: list[Code]


class ServiceProviders(ClientMessageBase):
    """Who gets data we hold for clients, as a client asked for it."""

    type: Literal["service-providers"] = "service-providers"
    instruction_id: OpaqueId
    providers: list[Provider]


class SealedMessage(ClientMessageBase):
    """Any other message, for a client that gave us a key: inside the compact JWE is the message as JSON."""

    type: Literal["sealed"] = "sealed"
    jose: str = Field(description="ECDH-ES+A256KW with A256GCM, to the key of P-256 the client registered")


ClientMessage = Annotated[
    ClientRequest | ClientReminder | ClientRecall | ClientResult | ReplyError | ServiceProviders | SealedMessage,
    Field(discriminator="type"),
]


class Named(Value):
    """Whose records an instruction is about, by what the client's own records say."""

    order_numbers: Annotated[list[Number], Field(max_length=MOST_KEYS)] = []
    tracking_numbers: Annotated[list[Number], Field(max_length=MOST_KEYS)] = []
    emails: Annotated[list[Email], Field(max_length=MOST_KEYS)] = []

    @model_validator(mode="after")
    def _says_whose(self) -> Self:
        if not (self.order_numbers or self.tracking_numbers or self.emails):
            raise between_fields("order_numbers", "give at least one order number, tracking number or e-mail")
        return self


class Asked(Value):
    """What every signed message of a client says: who, under which id of its own, when."""

    client: Slug
    instruction_id: OpaqueId = Field(description="the client's own; the same again is the same instruction")
    issued_at: AwareDatetime


class ClientInstructed(Asked):
    """What a client wants done with one recipient's records, unasked: the person wrote to it directly.

    Only for clients we act for. Travels signed and sealed.
    """

    type: Literal["instruction"] = "instruction"
    brand: Slug
    action: Literal[Action.EXPORT, Action.ERASE, Action.CORRECT]
    whose: Named
    corrections: Annotated[list[Correction], Field(max_length=MOST_KEYS)] = []

    @model_validator(mode="after")
    def _corrects_something(self) -> Self:
        if (self.action is Action.CORRECT) != bool(self.corrections):
            raise between_fields("corrections", "must be given when `action` is correct, and only then")
        return self


class ProvidersAsked(Asked):
    """A client wants to know our service providers. Travels signed; it need not be sealed."""

    type: Literal["service-providers"] = "service-providers"


class ClientSigned(Value):
    """What a client says unasked: an instruction, or a question, as JSON, signed with the key it registered.

    What names a person is sealed besides, so that it never lies open on this topic.
    """

    type: Literal["signed"] = "signed"
    client: Slug
    jose: Annotated[str, Field(max_length=65_536)] = Field(
        description="a compact JWS (ES256), or that JWS sealed as a compact JWE (ECDH-ES+A256KW, A256GCM) to our key"
    )


ClientWord = Annotated[ClientReplied | ClientSigned, Field(discriminator="type")]


class ClientHeard(Event):
    """What a client said by another way than its replies' topic: in answer to a webhook, on our page, to a person.

    Two are no words of the client's: `delivered`, where nothing but that is known; `unreachable`, where nothing could
    be delivered, or the client was taken out.
    """

    type: Literal["ClientHeard"] = "ClientHeard"
    client: Slug
    said: Literal["received", "instruct", "completed", "refused", "not_ours", "delivered", "unreachable"]
    action: Literal[Action.EXPORT, Action.ERASE, Action.CORRECT] | None = None
    reason: Code | None = None
    by: Literal["webhook", "page", "operator", "delivery"]
