"""What the register must be told beyond what every service is."""

from typing import Final

from pydantic import Field

from services.kernel.settings import ServiceSettings

GROUP: Final = "ops.register"


class Settings(ServiceSettings):
    """The register's settings."""

    register_most: int = Field(2_000, ge=1, le=20_000, description="records the register takes at once")
