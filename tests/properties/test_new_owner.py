"""A company that takes a brand over goes on with what is open: nothing of a request knows who owned it (R75)."""

from datetime import timedelta

import pytest

from rules.brands import Operator
from rules.handbook import Handbook
from schemas.events import RequestClosed
from schemas.values import Ending, Right
from tests.support.invariants import check_end, events
from tests.support.scenes import ADA, OPT_OUT, asks, own, proving
from tests.support.world import START, Setting, World, request_of


def sold(world: World) -> None:
    """From tomorrow on another company is behind every brand."""
    buyer = Operator(name="Buyer Inc", effective_from=START.date() + timedelta(days=1))
    brands = {
        name: brand.model_copy(update={"operators": [*brand.operators, buyer]})
        for name, brand in world.handbook.brands.items()
    }
    fields = {name: getattr(world.handbook, name) for name in Handbook.__dataclass_fields__}
    world.handbook = Handbook(**{**fields, "brands": brands})


@pytest.mark.parametrize("right", [Right.DELETE, OPT_OUT])
def test_an_open_request_is_carried_to_its_end_by_whoever_has_bought_the_brand(right: Right) -> None:
    later = {"proof/1": proving(phones=ADA["phones"])}
    world = World(Setting(people=[own()], on_letter=later, windows={"waiting_period": timedelta(days=3)}))
    world.submit(asks("s", right, subject={"emails": ADA["emails"]}))
    for _ in range(6):
        world.act(world.actions()[0])
    sold(world)
    world.run_out(iter(()), START + timedelta(days=60))

    check_end(world)
    [closed] = [event for event in events(world, RequestClosed) if event.request_id == request_of("s", right)]
    assert closed.ending is Ending.FULFILLED
    assert world.handbook.brands["parcelwise"].operator_on(world.now.date()).name == "Buyer Inc"


def test_nothing_a_service_remembers_or_tells_names_the_owner() -> None:
    world = World(Setting(people=[own()]))
    owner = world.handbook.brands["parcelwise"].operators[0].name
    world.submit(asks("s", "delete"))
    world.run_out(iter(()), START + timedelta(days=60))

    told = [event.model_dump_json() for _, event in world.events.values()]
    known = [state.model_dump_json() for states in world.states.values() for state in states.values()]
    letters = [str(dict(effect.body)) for _, effect in world.letters.values()]
    assert not any(owner in text for text in (*told, *known, *letters))
