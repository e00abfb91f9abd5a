"""Intake needs nothing beyond what every service needs."""

from services.kernel.settings import ServiceSettings


class Settings(ServiceSettings):
    """Intake's settings: the common ones."""
