"""Look an installation over: each finding says what was found and, where something is wrong, how to mend it."""

from services.ops.doctor.finding import Finding
from services.ops.doctor.look import examine

__all__ = ["Finding", "examine"]
