"""The verifier needs nothing beyond what every service needs."""

from services.kernel.settings import ServiceSettings


class Settings(ServiceSettings):
    """The verifier's settings: the common ones."""
