"""What a look at one thing found."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `mend` says what to do; empty when nothing need be done."""

    what: str
    found: str
    mend: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing need be done."""
        return not self.mend
