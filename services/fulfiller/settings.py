"""What the fulfiller must be told beyond the common settings."""

from pydantic import AliasChoices, Field

from services.kernel.settings import ServiceSettings


class Settings(ServiceSettings):
    """The fulfiller's settings. Addresses of systems come from the variables the data map names (`url_env`)."""

    smtp_url: str | None = Field(
        None,
        validation_alias=AliasChoices("SMTP_URL", "smtp_url"),
        description="mail server for clients' contacts, as smtp://host:port; without one they are not written to",
    )
    smtp_timeout_s: float = Field(10.0, gt=0, description="how long a mail server may take per step")
    door_url: str = Field("", description="where clients reach `rightsbus clients door`; mails link to it")
    webhook_timeout_s: float = Field(10.0, gt=0, description="how long a client's webhook may take")
    webhook_days: float = Field(
        3.0, gt=0, description="a webhook that takes nothing for so many days is disabled, and an operator decides"
    )
