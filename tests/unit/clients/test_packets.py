from schemas.public import Correction, PostalAddress, RequestSubmitted, Residence, Subject
from schemas.values import PointKind, Right
from services.directory.offered import offered, with_normal_form
from services.fulfiller.adapters.packets import Said, points_of
from services.fulfiller.decide import Packet

ADA = Subject(
    name="Ada Quill", emails=["ada.quill@example.org", "ada@work.example"], phones=["+18015550123"],
    addresses=[PostalAddress(line1="12 Elm Street", city="Provo", region="UT", postcode="84601")],
    account_number="A-7", order_numbers=["AC-1", "BI-2"], tracking_numbers=["1Z1", "1Z2"],
)  # fmt: skip


def said(*more: Subject, right: Right = Right.CORRECT, corrections: list[Correction] | None = None) -> Said:
    first = RequestSubmitted(
        submission_id="s", source="webform", brand="parcelwise", rights=[right], subject=ADA,
        residence=Residence(country="US", region="UT"), corrections=corrections or [], message="do not tell anybody",
    )  # fmt: skip
    return Said(first, tuple(with_normal_form(one, offered(one)) for one in (ADA, *more)))


def held(*subjects: Subject) -> set[tuple[PointKind, str]]:
    return {point for subject in subjects for point in offered(subject).points}


def told(packet: Packet) -> set[tuple[str, str]]:
    return {(point.kind.value, str(point.value)) for point in packet.points}


def test_a_client_is_told_what_its_own_record_holds_as_the_person_wrote_it() -> None:
    record = held(Subject(name="ada quill", emails=["ADA.QUILL@example.org"], order_numbers=["ac-1"]))

    assert told(said().packet(record)) == {
        ("name", "Ada Quill"), ("email", "ada.quill@example.org"), ("order_number", "AC-1"),
    }  # fmt: skip


def test_another_clients_numbers_and_the_account_are_in_no_packet() -> None:
    acorn, birch = held(Subject(name=ADA.name, order_numbers=["AC-1"])), held(Subject(order_numbers=["BI-2"]))

    assert "BI-2" not in str(said().packet(acorn))
    assert "AC-1" not in str(said().packet(birch))
    assert "A-7" not in str(said().packet(acorn))
    assert "tell" not in str(said().packet(acorn))


def test_a_record_that_holds_nothing_of_it_makes_an_empty_packet() -> None:
    assert told(said().packet(set())) == set()


def test_an_address_is_told_only_where_the_whole_address_is_held() -> None:
    assert ("postcode", "84601") in told(said().packet(held(ADA)))
    assert "Elm" not in str(said().packet({(PointKind.POSTCODE, "84601")}))


def test_what_was_said_later_counts_too() -> None:
    later = Subject(tracking_numbers=["1Z9"])

    assert told(said(later).packet(held(later))) == {("tracking_number", "1Z9")}


def test_a_correction_of_a_value_this_record_does_not_hold_is_not_its_business() -> None:
    mine = Correction(field="email", old="ada.quill@example.org", new="ada@new.example")
    other = Correction(field="email", old="ada@work.example", new="secret@work.example")
    plain = Correction(field="name", new="Ada Quill-Marsh")
    packet = said(corrections=[mine, other, plain]).packet(held(Subject(emails=["ada.quill@example.org"])))

    assert [(c.field, c.new) for c in packet.corrections] == [("email", mine.new), ("name", plain.new)]


def test_where_the_person_lives_is_told_as_far_as_it_was_given() -> None:
    assert said().packet(set()).residence == "US-UT"
    bare = said().first.model_copy(update={"residence": Residence(country="CA")})
    assert Said(bare, ()).residence == "CA"
    assert Said(bare.model_copy(update={"residence": None}), ()).residence is None


def test_a_clients_own_keys_are_read_as_the_directory_reads_them() -> None:
    keys = {PointKind.ORDER_NUMBER: ["ac-1", "  "], PointKind.EMAIL: ["ADA.QUILL@example.org"]}

    assert points_of(keys) == held(Subject(order_numbers=["AC-1"], emails=["ada.quill@example.org"]))
