import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.normalise import exact_keys, normalise, second_keys
from rules.spelling import folded, plain
from schemas.values import PointKind
from schemas.values import PointKind as K


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ("Ada.Lovelace@Example.ORG", "ada.lovelace@example.org"),
        ("  ada@example.org\u200b", "ada@example.org"),
        ("ada+news@example.org", "ada+news@example.org"),
        ("a.d.a@gmail.com", "a.d.a@gmail.com"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("groß@example.org", "groß@example.org"),
        ("İrem@example.org", "irem@example.org"),
        ("mailto:ada@example.org", "ada@example.org"),
        ("<ada@example.org>", "ada@example.org"),
    ],
)
def test_an_email_keeps_what_its_host_decides_and_drops_what_nobody_sees(raw, key) -> None:
    assert normalise(K.EMAIL, raw) == key


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "ada",
        "@example.org",
        "ada@",
        "ada@localhost",
        "a da@example.org",
        "a@b@example.org",
        f"{'a' * 65}@example.org",
    ],
)
def test_what_is_no_email_has_no_key(raw) -> None:
    assert normalise(K.EMAIL, raw) is None
    assert second_keys(K.EMAIL, raw) == ()


def test_gmail_dots_and_tags_only_locate() -> None:
    assert normalise(K.EMAIL, "j.doe+shop@googlemail.com") != normalise(K.EMAIL, "jdoe@gmail.com")
    assert set(second_keys(K.EMAIL, "j.doe+shop@googlemail.com")) & set(second_keys(K.EMAIL, "jdoe@gmail.com"))


def test_dots_elsewhere_never_merge_people() -> None:
    assert not set(second_keys(K.EMAIL, "j.doe@example.org")) & set(second_keys(K.EMAIL, "jdoe@example.org"))


@pytest.mark.parametrize(
    ("raw", "country", "key"),
    [
        ("(801) 555-0199", "US", "+18015550199"),
        ("001 801 555 0199", "US", "+18015550199"),
        ("001-801-555-0199", "US", "+18015550199"),
        ("0018015550199", "GB", "+18015550199"),
        ("011 44 20 7946 0018", "US", "+442079460018"),
        ("+44 (0)20 7946 0018", "US", "+442079460018"),
        ("020 7946 0018", "GB", "+442079460018"),
        ("801.555.0199 ext. 12", "US", "+18015550199"),
        ("８０１ ５５５ ０１９９", "US", "+18015550199"),
        ("5550199", "US", None),
        ("+1 001 801 555 0199", "US", None),
        ("call me", "US", None),
        ("", "US", None),
        ("801 555 0199", "XX", None),
    ],
)
def test_a_phone_becomes_e164_or_nothing(raw, country, key) -> None:
    assert normalise(K.PHONE, raw, country=country) == key


@pytest.mark.parametrize(
    ("raw", "country", "key"),
    [
        ("84105-1234", "US", "84105"),
        ("841051234", "US", "84105"),
        ("2134", "US", "02134"),
        ("k1a0b1", "CA", "K1A 0B1"),
        ("K1A-0B1", "CA", "K1A 0B1"),
        ("D1A 0B1", "CA", None),
        ("sw1a 1aa", "GB", "SW1A1AA"),
    ],
)
def test_a_postcode_is_written_as_its_country_does(raw, country, key) -> None:
    assert normalise(K.POSTCODE, raw, country=country) == key


@pytest.mark.parametrize("kind", [K.ACCOUNT_NUMBER, K.ORDER_NUMBER, K.TRACKING_NUMBER, K.NATIONAL_ID])
def test_codes_lose_separators_and_keep_leading_zeros(kind) -> None:
    assert normalise(kind, " 00-12 34a–b ") == "001234AB"
    assert normalise(kind, "#0012") == "0012"
    assert normalise(kind, "0012") != normalise(kind, "12")
    assert normalise(kind, " - ") is None


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ("12", "12.00"),
        ("12,5", "12.50"),
        ("$1,234.50", "1234.50"),
        ("1.234,50 €", "1234.50"),
        ("1,234", "1234.00"),
        ("USD 5", "5.00"),
        ("-5", None),
        ("twelve", None),
        ("", None),
    ],
)
def test_amounts_are_exact_to_the_cent(raw, key) -> None:
    assert normalise(K.TRANSACTION_AMOUNT, raw) == key


@pytest.mark.parametrize(
    ("raw", "country", "key"),
    [
        ("1980-02-29", "US", "1980-02-29"),
        ("19800229", "US", "1980-02-29"),
        ("02/29/1980", "US", "1980-02-29"),
        ("29.02.1980", "DE", "1980-02-29"),
        ("1981-02-29", "US", None),
        ("1066-10-14", "US", None),
        ("29/02/80", "DE", None),
    ],
)
def test_a_date_is_a_day_that_was(raw, country, key) -> None:
    assert normalise(K.DATE_OF_BIRTH, raw, country=country) == key


def test_the_day_of_a_transaction_may_be_one_off_and_a_birthday_not() -> None:
    assert exact_keys(K.TRANSACTION_DATE, "2026-03-01") == ("2026-03-01", "2026-02-28", "2026-03-02")
    assert exact_keys(K.DATE_OF_BIRTH, "1980-03-01") == ("1980-03-01",)
    assert exact_keys(K.TRANSACTION_DATE, "9999-12-31") == ("9999-12-31",)
    assert exact_keys(K.EMAIL, "nobody") == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("WEISS", "weiß"),
        ("İPEK", "ipek"),
        ("Ａda", "ada"),
        ("a\u200bda", "ada"),
        ("O’Brien", "O'Brien"),
        ("a \t\n b", "A B"),
    ],
)
def test_spellings_of_one_text_are_plainly_equal(one, other) -> None:
    assert plain(one) == plain(other)


@pytest.mark.parametrize(
    ("one", "other"), [("Łukasz", "lukasz"), ("Müller", "muller"), ("Bjørn", "bjorn"), ("Ægir", "aegir")]
)
def test_letters_with_marks_are_equal_only_when_folded(one, other) -> None:
    assert plain(one) != plain(other)
    assert folded(one) == folded(other)


@given(
    kind=st.sampled_from(PointKind),
    raw=st.text(max_size=60),
    country=st.sampled_from(["US", "CA", "DE", "XX", ""]),
)
def test_odd_input_never_raises_and_a_key_is_never_empty(kind, raw, country) -> None:
    assert normalise(kind, raw, country=country) != ""
    assert all(second_keys(kind, raw, country=country))
    assert all(exact_keys(kind, raw, country=country))


@given(raw=st.text(max_size=60))
def test_plain_and_folded_text_stay_as_they_are(raw) -> None:
    assert plain(plain(raw)) == plain(raw)
    assert folded(folded(raw)) == folded(raw)


@given(
    kind=st.sampled_from([K.EMAIL, K.PHONE, K.ORDER_NUMBER, K.POSTCODE, K.TRANSACTION_AMOUNT, K.DATE_OF_BIRTH]),
    raw=st.text("a1.@- 0é+$/", max_size=20),
)
def test_a_key_is_its_own_key(kind, raw) -> None:
    key = normalise(kind, raw)

    assert key is None or normalise(kind, key) == key


def test_what_is_too_long_to_be_a_point_has_no_key() -> None:
    assert normalise(K.ORDER_NUMBER, "1" * 501) is None
    assert second_keys(K.NAME, "a" * 501) == ()
