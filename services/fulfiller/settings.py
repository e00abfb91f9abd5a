"""What the fulfiller must be told beyond the common settings."""

from services.kernel.settings import ServiceSettings


class Settings(ServiceSettings):
    """The fulfiller's settings. Addresses of systems come from the variables the data map names (`url_env`)."""
