"""What the notifier must be told beyond the common settings."""

from pathlib import Path

from pydantic import AliasChoices, Field

from services.kernel.settings import ServiceSettings


class Settings(ServiceSettings):
    """The notifier's settings."""

    smtp_url: str = Field(
        validation_alias=AliasChoices("SMTP_URL", "smtp_url"), description="mail server, as smtp://host:port"
    )
    print_dir: Path = Field(description="where letters for people without e-mail are laid out as PDF")
    smtp_timeout_s: float = Field(10.0, gt=0, description="how long a mail server may take per step")
    package_door_url: str = Field(
        "", description="where people reach `rightsbus packages door`; without one, letters say to ask for the package"
    )
