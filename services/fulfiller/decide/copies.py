"""What the company keeps of clients' records for a purpose of its own goes, too, whatever the client does.

About a client's records that client decides. About what the company made of them it answers itself, and a client that
refuses, says it is done, or stays silent must not leave those copies to nobody.
"""

from rules import parts
from rules.rights import reaches
from schemas.values import Located, Outcome, Party, Population, Right
from services.fulfiller.decide.draft import Draft


def plan_copies(draft: Draft) -> None:
    """List the copies of every client that has had its say, or its time.

    Who asks was located by as many points as a deletion must be proven by; where that is not so, or an operator has
    said that this is not the person, nothing is planned.
    """
    accepted = draft.accepted
    deletes = draft.right is Right.DELETE and accepted.granted and reaches(accepted.only_for, Population.RECIPIENT)
    disbelieved = draft.state.stop is not None or draft.state.outcome(parts.VERIFICATION) is Outcome.DENIED
    if not deletes or accepted.instructed_by or disbelieved:
        return
    for client, located in sorted(draft.state.clients.items()):
        if located.subjects and _had_its_time(draft, client) and _sure(draft, located):
            _plan(draft, client)


def _had_its_time(draft: Draft, client: str) -> bool:
    """Whether the hand-over has ended, or waits for an operator because the client did not answer."""
    part = draft.state.parts.get(parts.handover(client))
    return part is not None and (part.end is not None or part.party is Party.OPERATOR)


def _sure(draft: Draft, located: Located) -> bool:
    accepted = draft.accepted
    return len(located.groups) >= accepted.points_needed and (accepted.declared or not accepted.declaration_needed)


def _plan(draft: Draft, client: str) -> None:
    """Open one part per system that holds copies, where the client's own instruction has not reached them already."""
    planned = draft.facts.systems.plan(
        brand=draft.accepted.brand, right=Right.DELETE, client=None, population=Population.RECIPIENT
    )
    for system, one in planned.items():
        name = parts.copies(system, client)
        if name not in draft.state.parts and parts.system(system, client) not in draft.state.parts:
            draft.state = draft.state.with_part(name, action=one.action)
