"""A shop for music in the shape of the well-known Chinook sample database, with invented people in it."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

META = sa.MetaData()
TEXT, INT, MONEY, MOMENT = sa.String, sa.Integer, sa.Numeric(10, 2), sa.DateTime


def _table(name: str, key: str, **columns: Any) -> sa.Table:
    return sa.Table(name, META, sa.Column(key, INT, primary_key=True), *(_column(n, c) for n, c in columns.items()))


def _column(name: str, kind: Any) -> sa.Column[Any]:
    if isinstance(kind, str):
        return sa.Column(name, INT, sa.ForeignKey(kind.rstrip("!")), nullable="!" not in kind, index=True)
    kind, needed = kind if isinstance(kind, tuple) else (kind, False)
    return sa.Column(name, kind, nullable=not needed)


def _place() -> dict[str, Any]:
    return {"Address": TEXT(70), "City": TEXT(40), "State": TEXT(40), "Country": TEXT(40), "PostalCode": TEXT(10)}


def _reach(*, needed: bool) -> dict[str, Any]:
    return {"Phone": TEXT(24), "Fax": TEXT(24), "Email": (TEXT(60), needed)}


ARTIST = _table("Artist", "ArtistId", Name=TEXT(120))
ALBUM = _table("Album", "AlbumId", Title=(TEXT(160), True), ArtistId="Artist.ArtistId!")
GENRE = _table("Genre", "GenreId", Name=TEXT(120))
MEDIA = _table("MediaType", "MediaTypeId", Name=TEXT(120))
TRACK = _table(
    "Track", "TrackId", Name=(TEXT(200), True), AlbumId="Album.AlbumId", MediaTypeId="MediaType.MediaTypeId!",
    GenreId="Genre.GenreId", Composer=TEXT(220), Milliseconds=(INT, True), UnitPrice=(MONEY, True),
)  # fmt: skip
EMPLOYEE = _table("Employee", "EmployeeId", LastName=(TEXT(20), True), FirstName=(TEXT(20), True), Title=TEXT(30),
                  ReportsTo="Employee.EmployeeId", BirthDate=MOMENT, HireDate=MOMENT, **_place(),
                  **_reach(needed=False))  # fmt: skip
CUSTOMER = _table("Customer", "CustomerId", FirstName=(TEXT(40), True), LastName=(TEXT(20), True), Company=TEXT(80),
                  **_place(), **_reach(needed=True), SupportRepId="Employee.EmployeeId")  # fmt: skip
INVOICE = _table("Invoice", "InvoiceId", CustomerId="Customer.CustomerId!", InvoiceDate=(MOMENT, True),
                 **{f"Billing{name}": kind for name, kind in _place().items()}, Total=(MONEY, True))  # fmt: skip
LINE = _table("InvoiceLine", "InvoiceLineId", InvoiceId="Invoice.InvoiceId!", TrackId="Track.TrackId!",
              UnitPrice=(MONEY, True), Quantity=(INT, True))  # fmt: skip
PLAYLIST = _table("Playlist", "PlaylistId", Name=TEXT(120))
PLAYLIST_TRACK = sa.Table(
    "PlaylistTrack", META, sa.Column("PlaylistId", sa.ForeignKey("Playlist.PlaylistId"), primary_key=True),
    sa.Column("TrackId", sa.ForeignKey("Track.TrackId"), primary_key=True),
)  # fmt: skip


def fill(engine: sa.Engine, customers: int = 3) -> None:
    """Make the shop: each customer has two invoices of two lines."""
    tracks = [
        {"TrackId": n, "Name": f"Reed {n}", "AlbumId": 1, "MediaTypeId": 1, "GenreId": 1, "Milliseconds": 9_000,
         "UnitPrice": Decimal("0.99")}
        for n in (1, 2)
    ]  # fmt: skip
    iris = {"EmployeeId": 1, "LastName": "Vale", "FirstName": "Iris", "Title": "Support"}
    with engine.begin() as db:
        META.create_all(db)
        db.execute(ARTIST.insert(), {"ArtistId": 1, "Name": "The Reeds"})
        db.execute(ALBUM.insert(), {"AlbumId": 1, "Title": "Marsh", "ArtistId": 1})
        db.execute(MEDIA.insert(), {"MediaTypeId": 1, "Name": "MPEG"})
        db.execute(GENRE.insert(), {"GenreId": 1, "Name": "Folk"})
        db.execute(TRACK.insert(), tracks)
        db.execute(PLAYLIST.insert(), {"PlaylistId": 1, "Name": "Evening"})
        db.execute(PLAYLIST_TRACK.insert(), {"PlaylistId": 1, "TrackId": 1})
        db.execute(EMPLOYEE.insert(), iris | {"BirthDate": _noon(1970, 2, 3), "HireDate": _noon(2015, 1, 1)})
        for n in range(1, customers + 1):
            _customer(db, n)


def _noon(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 12)  # noqa: DTZ001  the shop keeps no time zone


def _customer(db: sa.Connection, n: int) -> None:
    place = {
        "Address": f"{n} Rue des Saules",
        "City": "Lyon",
        "State": None,
        "Country": "France",
        "PostalCode": "69001",
    }
    billed = {f"Billing{name}": value for name, value in place.items()}
    name = {"FirstName": f"Ada{n}", "LastName": "Moreau", "Company": "Saule SARL"}
    reach = {"Phone": "+1 555 0100", "Fax": None, "Email": f"ada{n}@example.org"}
    db.execute(CUSTOMER.insert(), {"CustomerId": n, **name, **place, **reach, "SupportRepId": 1})
    for index, year in enumerate((2019, 2025)):
        key = {"InvoiceId": 10 * n + index}
        bill = {"CustomerId": n, "InvoiceDate": _noon(year, 5, 6), **billed, "Total": Decimal("1.98")}
        db.execute(INVOICE.insert(), key | bill)
        lines = [{"InvoiceLineId": 100 * n + 10 * index + t, "TrackId": t} for t in (1, 2)]
        db.execute(LINE.insert(), [key | line | {"UnitPrice": Decimal("0.99"), "Quantity": 1} for line in lines])
