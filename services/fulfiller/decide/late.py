"""An operator believed who asked after the public end: the work begins then, and amends what was told."""

from rules import parts
from schemas.events import RequestAmended
from schemas.values import Outcome, PartEnd
from services.fulfiller.decide.draft import Draft


def take_up_late(draft: Draft) -> bool:
    """Whether a closed request is worked on again; the first time its verification is amended."""
    state = draft.state
    if state.late is None or not state.unverified:
        return False
    if state.subject is None:
        draft.state = state.but(subject=state.late, amended=frozenset(state.parts) - {parts.VERIFICATION})
        draft.state = draft.state.ending(parts.VERIFICATION, PartEnd(outcome=Outcome.VERIFIED))
    return True


def amend_late(draft: Draft) -> None:
    """Tell of every part that has ended since; the person, of what systems did and of what was made for them."""
    state = draft.state
    for name, end in state.ends().items():
        if name not in state.amended:
            made = name == parts.PACKAGE and end.outcome is Outcome.EXPORTED
            tells = made or (parts.is_task(name) and parts.system_of(name) not in parts.BUILT_IN)
            draft.tell(RequestAmended, on=name, part=name, end=end, told_otherwise=tells)
    draft.state = state.but(amended=state.amended | state.ends().keys())
