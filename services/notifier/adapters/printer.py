"""Letters on paper: one PDF each, for people who gave no e-mail."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from fpdf import FPDF

_SAME_DAY = datetime(2000, 1, 1, tzinfo=UTC)


class PdfPrinter:
    """Writes into one folder; file names are opaque."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def lay_out(self, name: str, address: Sequence[str], subject: str, body: str) -> None:
        """Write one letter; the same name again overwrites with the same content."""
        page = FPDF(format="letter")
        page.set_creation_date(_SAME_DAY)
        page.set_margin(25)
        page.add_page()
        page.set_font("Helvetica", size=11)
        text = "\n".join([*address, "", "", subject, "", body])
        page.multi_cell(0, 5.5, text.encode("latin-1", "replace").decode("latin-1"))
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f".{name}.new"
        page.output(str(draft))
        draft.replace(self._folder / f"{name}.pdf")
