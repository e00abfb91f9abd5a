from collections import Counter

from stack.sample.people import people


def test_a_name_and_a_telephone_together_single_out_one_of_many_people() -> None:
    shared = Counter((human.brand, human.name, human.phone) for human in people(27_000))
    assert shared.most_common(1)[0][1] == 1
