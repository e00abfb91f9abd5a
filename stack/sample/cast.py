"""The people of the sample who ask for something, each for what makes them interesting."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from stack.sample.people import Human, Kind, people


@dataclass(frozen=True, slots=True)
class Cast:
    """Nobody is in it twice. Of the brand `parcelwise` where nothing else is said."""

    account_holder: Human
    buyer_of_access: Human
    asker_by_alias: Human
    asker_of_categories: Human
    corrected: Human
    opted_out: Human
    signalled: Human
    offline: Human
    all_three: Human
    canadian: Human
    french: Human
    spanish: Human
    prospect: Human
    without_email: Human
    namesakes: tuple[Human, Human]
    """Two people of one name without e-mail."""
    twin: Human
    """Holds two accounts under one name, e-mail and phone: who asks as them is ambiguous."""
    household: tuple[Human, Human]
    """Two people of one family name in one home."""
    confirming: Human
    """Of the brand `shipdesk`, which asks twice, as the next two."""
    silent_on_confirmation: Human
    declining: Human
    recipient: Human
    """Gets parcels of a client that forwards, as the next three."""
    unnamed_recipient: Human
    late_namer: Human
    refused_recipient: Human
    cedar_recipient: Human
    """Gets parcels of the client we act for."""
    shared_recipient: Human
    unnamed_shared_recipient: Human
    both: Human
    proven: Human
    declaring: Human
    silent: Human
    free_writer: Human
    victim: Human
    withdrawn: Human
    denied: Human


class _Casting:
    """Takes people from the population, each once."""

    def __init__(self, everybody: Iterable[Human]) -> None:
        self._left = [human for human in everybody if human.number >= 10]  # noqa: PLR2004  the first ten are extras

    def one(self, kind: Kind, brand: str = "parcelwise", fits: Callable[[Human], bool] | None = None) -> Human:
        """Take the first person of this kind and brand who fits; by default somebody ordinary."""
        fits = fits or _ordinary
        found = next(h for h in self._left if h.kind is kind and h.brand == brand and fits(h))
        self._left.remove(found)
        return found

    def numbered(self, number: int) -> Human:
        """Take a certain person."""
        found = next(h for h in self._left if h.number == number)
        self._left.remove(found)
        return found


def _ordinary(human: Human) -> bool:
    return bool(human.email) and not human.second_account and human.locale == "en-US"


def _of(client: str) -> Callable[[Human], bool]:
    return lambda human: human.shipments[0].client == client


@cache
def cast(seed: int = 7) -> Cast:
    """Choose the cast; the same for the same seed."""
    casting = _Casting(people(seed=seed))
    take = casting.one
    housemate = take(Kind.OFFLINE_CUSTOMER, fits=lambda h: bool(h.email) and h.number // 10 % 20 == 2)  # noqa: PLR2004
    family = (casting.numbered(housemate.number - 1), housemate)
    second = take(Kind.OFFLINE_CUSTOMER, fits=lambda h: not h.email and h.number // 10 % 20 == 8)  # noqa: PLR2004
    namesakes = (casting.numbered(second.number - 20), second)
    special: dict[str, Any] = {
        "household": family,
        "namesakes": namesakes,
        "without_email": take(Kind.OFFLINE_CUSTOMER, "shipdesk", lambda h: not h.email),
        "twin": take(Kind.CUSTOMER, fits=lambda h: h.second_account is not None),
        "french": take(Kind.CUSTOMER, fits=lambda h: h.locale == "fr-CA"),
        "spanish": take(Kind.CUSTOMER, fits=lambda h: h.locale == "es-US"),
    }
    customers = (
        "account_holder", "buyer_of_access", "asker_by_alias", "asker_of_categories", "corrected", "opted_out",
        "signalled", "all_three", "canadian", "proven", "declaring", "silent", "free_writer", "victim", "withdrawn",
        "denied",
    )  # fmt: skip
    ordinary: dict[str, Any] = {name: take(Kind.CUSTOMER) for name in customers}
    asked_twice = ("confirming", "silent_on_confirmation", "declining")
    ordinary |= {name: take(Kind.CUSTOMER, "shipdesk") for name in asked_twice}
    return Cast(
        **special,
        **ordinary,
        offline=take(Kind.OFFLINE_CUSTOMER),
        prospect=take(Kind.PROSPECT),
        both=take(Kind.BOTH, fits=_of("acorn-supply")),
        recipient=take(Kind.RECIPIENT, fits=_of("acorn-supply")),
        unnamed_recipient=take(Kind.RECIPIENT, fits=_of("birch-outfitters")),
        late_namer=take(Kind.RECIPIENT, fits=_of("birch-outfitters")),
        refused_recipient=take(Kind.RECIPIENT, fits=_of("acorn-supply")),
        cedar_recipient=take(Kind.RECIPIENT, fits=_of("cedar-books")),
        shared_recipient=take(Kind.SHARED_RECIPIENT),
        unnamed_shared_recipient=take(Kind.SHARED_RECIPIENT),
    )
