"""Places as ISO 3166 names them, as far as choosing a law needs them. Pure."""

from typing import Final

SPELLINGS: Final = {"UK": "GB", "EL": "GR"}
"""Codes people use for a country besides its own."""


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


REGIONS: Final = {
    "US": _codes(
        "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH "
        "OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR UM VI"
    ),
    "CA": _codes("AB BC MB NB NL NS NT NU ON PE QC SK YT"),
}
"""Countries whose law depends on the region, and the regions they have (ISO 3166-2)."""


def place(country: str | None, region: str | None) -> tuple[str | None, str | None, bool]:
    """Country and region as the laws name them, and whether that is enough to choose one law.

    A region the country does not have says nothing; a country without regions of its own law needs none.
    """
    if country is None:
        return None, None, False
    country = SPELLINGS.get(country, country)
    if country not in REGIONS:
        return country, None, True
    return (country, region, True) if region in REGIONS[country] else (country, None, False)
