import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.normalise import PostalAddress, normalise, second_keys, streets
from schemas.values import PointKind as K


def key(line1, line2="", postcode="84105", **more):
    return normalise(K.ADDRESS, PostalAddress(line1, line2, postcode=postcode, **more))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("842 E 1700 S",), ("842 East 1700 South",)),
        (("123 N Main St Apt 4B",), ("123 North Main Street", "#4B")),
        (("123 N Main St Apt 4B",), ("123 N. MAIN ST., # 4-B",)),
        (("123 N Main St Apt 4B",), ("Apt. 4b", "123 N Main St")),
        (("123 N Main St Apt 4B",), ("123 N Main St", "4B")),
        (("100 Main St Bldg 3 Apt 4",), ("100 Main St Apt 4", "Building 3")),
        (("100 Main St FL 3",), ("100 Main St 3rd Floor",)),
        (("100 Main St Basement",), ("100 Main St", "BSMT")),
        (("P.O. Box 123",), ("PO BOX #123",)),
        (("350 Fifth Avenue Ste 5000",), ("350 5th Ave Suite 5000",)),
        (("12 O'Neill Ct",), ("12 O’Neill Court",)),
        (("2080 Industrial Road C",), ("2080 Industrial Rd. C",)),
        (("12 Saint Paul Rd",), ("12 St. Paul Road",)),
        (("39.2 Road",), ("39.2 Rd",)),
        (("7 Lake View Dr",), ("7 Lakeview Drive",)),
        (("9 North-West Blvd N",), ("9 NorthWest Boulevard North",)),
        (("5 Muellerstreet",), ("5 Mueller Street",)),
        (("8 Archdal l St",), ("8 Archdall Street",)),
        (("8 Tunney C Rescent",), ("8 Tunney Crescent",)),
        (("100 Main North",), ("100 Main N",)),
    ],
)
def test_two_spellings_of_one_us_address_are_equal(one, other) -> None:
    assert key(*one) == key(*other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("842 E 1700 S", "842 E 1700"),
        ("842 E 1700 S", "842 1700 S"),
        ("842 E 1700 S", "842 W 1700 S"),
        ("123 Main St Apt 4B", "123 Main St Apt 4C"),
        ("123 Main St Apt 4B", "123 Main St"),
        ("123 Main St N", "123 Main St # N"),
        ("123 N St", "123 North St"),
        ("2080 Industrial Road C", "2080 Industrial Road"),
        ("2080 Industrial Road C", "2080 Industrial Road D"),
        ("39.2 Road", "392 Road"),
        ("100 Main St Bldg 3 Apt 4", "100 Main St Bldg 4 Apt 3"),
        ("112-10 Bronx Rd", "11210 Bronx Rd"),
        ("PO Box 12", "12 Box Rd"),
        ("5 No Name Rd", "5 Name Rd"),
        ("12 Lower Falls Ct", "12 Falls Ct"),
        ("12 N E St", "12 NE St"),
        ("12 NE Lake St", "12 N E Lake St"),
        ("12 Broadway", "12 Broad Way"),
        ("1204 Avenue N", "1204 N Avenue"),
        ("12 N Orth St", "12 North St"),
        ("100 Main N", "100 Mainn"),
    ],
)
def test_two_places_never_become_one(one, other) -> None:
    assert key(one) != key(other)


def test_a_trailing_letter_stays_in_the_street_and_may_locate_the_unit() -> None:
    street, unit = (
        PostalAddress("2080 Industrial Road C", postcode="84104"),
        PostalAddress("2080 Industrial Rd", "Unit C", postcode="84104"),
    )

    assert normalise(K.ADDRESS, street) != normalise(K.ADDRESS, unit)
    assert set(second_keys(K.ADDRESS, street)) & set(second_keys(K.ADDRESS, unit))


@pytest.mark.parametrize(
    "line",
    [
        "842 E 1700 S, Salt Lake City, UT 84105",
        "842 East 1700 South, Salt Lake City, Utah 84105-1234",
        "842 E 1700 S Salt Lake City UT 84105",
        "842 E 1700 S, Salt Lake City, UT, 84105, USA",
    ],
)
def test_an_address_in_one_line_is_the_same_address(line) -> None:
    assert normalise(K.ADDRESS, line) == key("842 E 1700 S")


def test_the_postcode_says_where_the_street_is_and_the_city_only_without_one() -> None:
    assert key("1 Main St", city="SLC") == key("1 Main St", city="Salt Lake City", region="UT")
    assert key("1 Main St", postcode="", city="Provo", region="Utah") == key(
        "1 Main St", postcode="", city="provo", region="UT"
    )
    assert key("1 Main St", postcode="", city="Provo") != key("1 Main St", postcode="", city="Ogden")
    assert key("1 Main St", postcode="84105") != key("1 Main St", postcode="84106")
    assert key("1 Main St", postcode="2134") == key("1 Main St", postcode="02134-0001")


@pytest.mark.parametrize(
    "address",
    [
        PostalAddress(""),
        PostalAddress("", postcode="84105"),
        PostalAddress("1 Main St"),
        PostalAddress("Apt 4B", postcode="84105"),
        PostalAddress("., -", postcode="84105"),
    ],
)
def test_half_an_address_has_no_key(address) -> None:
    assert normalise(K.ADDRESS, address) is None
    assert second_keys(K.ADDRESS, address) == ()


def test_addresses_abroad_are_compared_plainly() -> None:
    assert key("Hauptstraße 5", postcode="10115", country="DE") == key("HAUPTSTRASSE 5", postcode="10115", country="DE")
    assert key("Mac-Arthur Str 5", postcode="10115", country="DE") == key(
        "Macarthur Str 5", postcode="10115", country="DE"
    )
    assert key("Hauptstr. 5", postcode="10115", country="DE") != key("Hauptstr. 6", postcode="10115", country="DE")
    assert key("12 Rue A", postcode="k1a-0b1", country="CA") == key("12 rue a", postcode="K1A 0B1", country="CA")
    assert key("1 Main St", postcode="10115", country="DE") != key("1 Main St", postcode="10115", country="US")


def test_the_postcode_of_an_address_can_be_had() -> None:
    assert normalise(K.POSTCODE, PostalAddress("1 Main St", postcode="84105-1234")) == "84105"
    assert normalise(K.EMAIL, PostalAddress("1 Main St", postcode="84105")) is None


def test_marks_on_letters_only_locate() -> None:
    marked, bare = (
        PostalAddress("5 Cañon Rd", postcode="84105"),
        PostalAddress("5 Canon Rd", postcode="84105"),
    )

    assert normalise(K.ADDRESS, marked) != normalise(K.ADDRESS, bare)
    assert set(second_keys(K.ADDRESS, marked)) & set(second_keys(K.ADDRESS, bare))


WORDS = st.sampled_from(
    [
        "12",
        "N",
        "MAIN",
        "ST",
        "APT",
        "4B",
        "#",
        "E",
        "1700",
        "S",
        "REAR",
        "FL",
        "3",
        "PO",
        "BOX",
        "C",
        "NO",
        "NORTH",
    ]
)


@given(st.lists(WORDS, min_size=1, max_size=7))
def test_no_word_of_a_street_is_ever_lost(words) -> None:
    found = key(" ".join(words))
    spoken = {"NORTH": "N", "APT": "", "FL": "", "NO": "", "#": ""}
    digits = [word for word in words if word[0].isdigit() and word not in spoken]

    assert found is None or all(word in found for word in digits)


@given(
    number=st.sampled_from(["12", "112-10", "39.2", "842 E"]),
    direction=st.sampled_from(["", "N", "NorthEast", "South"]),
    name=st.sampled_from(["Main", "Lake View", "1700", "First", "Saint Paul", "Avenue", "O'Neill", "Lower Falls"]),
    suffix=st.sampled_from(["", "St", "Street", "Blvd N", "Road C", "Ct."]),
    unit=st.sampled_from(["", "Apt 4B", "# 4-B", "Rear", "Bldg 3 Apt 4", "3rd Floor", "Unit C"]),
)
def test_the_form_of_a_street_is_its_own_form(number, direction, name, suffix, unit) -> None:
    found = streets.street(f"{number} {direction} {name} {suffix} {unit}".upper())

    assert streets.street(found) == found


@given(
    line1=st.text(max_size=30),
    line2=st.text(max_size=10),
    postcode=st.text(max_size=8),
    city=st.text(max_size=8),
)
def test_an_odd_address_never_raises(line1, line2, postcode, city) -> None:
    address = PostalAddress(line1, line2, city, postcode=postcode)

    assert normalise(K.ADDRESS, address) != ""
    assert isinstance(second_keys(K.ADDRESS, address), tuple)
