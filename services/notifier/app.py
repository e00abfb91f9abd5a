"""Wire the notifier: what happened in, public status and letters out."""

from collections.abc import Sequence
from typing import Any

from schemas.topics import read_by
from services.kernel.effects import Performer
from services.kernel.errors import Misconfigured
from services.kernel.house import House
from services.kernel.policies import load_handbook
from services.kernel.stage import Stage
from services.kernel.step import Blueprint
from services.mail import SmtpMailer
from services.notifier.adapters.post import Post
from services.notifier.adapters.printer import PdfPrinter
from services.notifier.decide import LETTER, Correspondence, decide
from services.notifier.settings import Settings


def build(house: House) -> list[Stage[Any, Any]]:
    """Build the notifier's one stage.

    Raises:
        Misconfigured: it was opened with another service's settings.
    """
    settings = house.settings
    if not isinstance(settings, Settings):
        message = "the notifier needs its own settings: SMTP_URL, RIGHTSBUS_PRINT_DIR"
        raise Misconfigured(message)
    handbook = load_handbook(settings.policies_dir)
    mailer = SmtpMailer(settings.smtp_url, settings.smtp_timeout_s)
    post = Post(house, handbook, mailer, PdfPrinter(settings.print_dir), door_url=settings.package_door_url)

    async def nothing(*_: object) -> None:
        return None

    blueprint = Blueprint("notifier", Correspondence, keys=keys, gather=nothing, decide=decide)
    reads = [topic.name for topic in read_by("notifier")]
    return [Stage(house, blueprint, reads=reads, performers={LETTER: Performer(post)})]


def keys(event: Any) -> Sequence[str]:  # noqa: ANN401  every class the notifier reads
    """The memory is per request."""
    return [event.request_id]
