import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.names import NameFit, fit
from rules.normalise import normalise, second_keys
from schemas.values import PointKind as K


@pytest.mark.parametrize(
    ("offered", "held"),
    [
        ("Ada Lovelace", "ADA  lovelace"),
        ("Lovelace, Ada", "Ada Lovelace"),
        ("Dr. Ada Lovelace", "Mrs Ada Lovelace PhD"),
        ("Ada B. Lovelace", "Ada Byron Lovelace"),
        ("Ada Byron Lovelace", "Ada Lovelace"),
        ("Robert Smith Jr.", "Robert Smith, junior"),
        ("Robert Smith II", "Robert Smith 2nd"),
        ("Madonna", "MADONNA"),
        ("Seán O’Brien", "seán o'brien"),
        ("Anna Weiß", "ANNA WEISS"),
        ("İpek Şahin", "ipek şahin"),
        ("Nguyễn Văn An", "nguyễn văn an"),
        ("Nguyen An", "An Nguyen"),
        ("Mary Ann Smith", "Maryann Smith"),
        ("Anna Smith-Jones", "Jones, Anna Smith"),
        ("Ana de la Cruz", "Ana Delacruz"),
        ("Anna Smith Jones", "Anna Smith-Jones"),
        ("Whiteley Reeg an", "Reegan Whiteley"),
    ],
)
def test_equal_components_are_exact(offered, held) -> None:
    assert fit(offered, held) is NameFit.EXACT


@pytest.mark.parametrize(
    ("offered", "held"),
    [
        ("Jon Smith", "John Smith"),
        ("Brian Smith", "Bryan Smyth"),
        ("Stephen Baker", "Steven Baker"),
        ("Bob Smith", "Robert Smith"),
        ("Ada Johnson", "Ada Johnston"),
        ("Muller Anna", "Anna Müller"),
        ("Anna Smith-Jones", "Anna Jones"),
        ("Maria Garcia", "Maria Garcia Lopez"),
        ("Anna Nowak", "Anna Baker"),
        ("Łukasz Nowak", "Lukasz Nowak"),
        ("John Smith", "John Smith Jr"),
        ("John Adam Smith", "John Brian Smith"),
        ("Smith", "John Smith"),
        ("Nguyen Van An", "An Van Nguyen"),
    ],
)
def test_what_may_be_one_person_is_fuzzy_and_not_exact(offered, held) -> None:
    assert fit(offered, held) is NameFit.FUZZY


@pytest.mark.parametrize(
    ("offered", "held"),
    [
        ("J. Smith", "John Smith"),
        ("John Smith", "J Smith"),
        ("Emma Smith", "John Smith"),
        ("John Smith", "Adam Baker"),
        ("John Smith Sr", "John Smith Jr"),
        ("John Smith II", "John Smith III"),
        ("Mark Smith", "Mary Smith"),
        ("J Baker", "J Smith"),
        ("Taylor Smith", "Smith Baker"),
        ("Madonna", "John Smith"),
    ],
)
def test_other_people_and_initials_do_not_fit(offered, held) -> None:
    assert fit(offered, held) is NameFit.NONE


@pytest.mark.parametrize(("offered", "held"), [("", "Ada Lovelace"), ("Ada Lovelace", " "), ("...", "Ada"), ("", "")])
def test_without_a_name_on_both_sides_nothing_is_known(offered, held) -> None:
    assert fit(offered, held) is NameFit.UNKNOWN


def test_an_initial_proves_nothing_even_when_the_record_has_no_more() -> None:
    assert fit("J Smith", "J. Smith") is NameFit.FUZZY
    assert fit("John S.", "John S") is NameFit.FUZZY
    assert normalise(K.NAME, "J. Smith") is None
    assert normalise(K.NAME, "John S.") is None


def test_a_nickname_and_the_other_order_locate() -> None:
    assert set(second_keys(K.NAME, "Bob Smith")) & set(second_keys(K.NAME, "Robert Smith"))
    assert set(second_keys(K.NAME, "Smith Robert")) & set(second_keys(K.NAME, "Robert Smith"))
    assert not set(second_keys(K.NAME, "Emma Smith")) & set(second_keys(K.NAME, "Robert Smith"))


WORDS = st.sampled_from(
    [
        "Ada",
        "ada",
        "Bob",
        "Robert",
        "J.",
        "de",
        "la",
        "Cruz",
        "Jr",
        "Sr",
        "Smith,",
        "Müller",
        "Smith-Jones",
        "Dr.",
        "An",
        "O'Brien",
    ]
)
NAMES = st.one_of(st.lists(WORDS, max_size=5).map(" ".join), st.text(max_size=20))


@given(NAMES, NAMES)
def test_it_does_not_matter_who_offers_and_who_holds(one, other) -> None:
    assert fit(one, other) is fit(other, one)


@given(NAMES, NAMES)
def test_people_found_by_one_key_are_never_strangers(one, other) -> None:
    if (key := normalise(K.NAME, one)) and key == normalise(K.NAME, other):
        assert fit(one, other) in {NameFit.EXACT, NameFit.FUZZY}


@given(NAMES, NAMES)
def test_what_fits_exactly_has_a_key(one, other) -> None:
    if fit(one, other) is NameFit.EXACT:
        assert normalise(K.NAME, one)
        assert normalise(K.NAME, other)


@given(NAMES)
def test_the_key_of_a_name_is_its_own_key(name) -> None:
    key = normalise(K.NAME, name)

    assert key is None or normalise(K.NAME, key) == key


@given(NAMES)
def test_a_name_fits_itself(name) -> None:
    assert fit(name, name) is not NameFit.NONE
