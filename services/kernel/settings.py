"""What every service must be told, read once from the environment in `__main__` and passed on."""

from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """Broker, database, keys and sizes. Immutable; a field's description is its documentation."""

    model_config = SettingsConfigDict(env_prefix="RIGHTSBUS_", frozen=True, extra="ignore", populate_by_name=True)

    kafka_bootstrap: str = Field(
        validation_alias=AliasChoices("KAFKA_BOOTSTRAP", "kafka_bootstrap"),
        description="host:port of a broker",
    )
    kafka_username: str = Field(
        validation_alias=AliasChoices("KAFKA_USERNAME", "kafka_username"),
        description="SCRAM user of this service",
    )
    kafka_password: SecretStr = Field(
        validation_alias=AliasChoices("KAFKA_PASSWORD", "kafka_password"), description="its password"
    )
    kafka_ca: Path | None = Field(
        None,
        validation_alias=AliasChoices("KAFKA_CA", "kafka_ca"),
        description="CA file; given, the connection is TLS",
    )
    database_url: SecretStr = Field(
        validation_alias=AliasChoices("DATABASE_URL", "database_url"),
        description="PostgreSQL, as a libpq URL",
    )
    keys_dir: Path = Field(description="where the file key store lies; never inside the database or its backups")
    policies_dir: Path = Field(Path("policies"), description="laws, brands, systems and points")
    topic_prefix: str = Field(
        "", description="put before every topic name and consumer group; for trials on a shared broker"
    )
    metrics_port: int = Field(0, ge=0, le=65_535, description="Prometheus endpoint; 0 is off")
    metrics_host: str = Field("127.0.0.1", description="address the Prometheus endpoint answers on")
    batch_most: int = Field(200, ge=1, le=5_000, description="messages per micro-batch at the most")
    batch_within_ms: float = Field(3.0, ge=0, description="how long a batch waits for one more message")
    sweep_every_s: float = Field(0.2, gt=0, description="how often due states and left-over rows are looked for")
    park_most: int = Field(20, ge=1, description="own faults in a row after which the service stops")
