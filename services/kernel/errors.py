"""Every error of ours, in one tree that answers one question: may trying again help?

    RightsbusError
    ├── TransientError           yes: wait and try again
    │   ├── DatabaseAway
    │   └── BrokerAway
    └── PermanentError           no: a person or a deploy must change something
        ├── Misconfigured
        ├── TooManyParked
        ├── UnsafeBuild
        └── Untrusted            somebody outside wrote what is not theirs to say

Messages are made from facts (which, where, how many), never from content.
"""


class RightsbusError(Exception):
    """Root of every error this product raises on purpose."""


class TransientError(RightsbusError):
    """Trying again later may help."""


class PermanentError(RightsbusError):
    """Trying again cannot help."""


class DatabaseAway(TransientError):
    """PostgreSQL does not answer."""


class BrokerAway(TransientError):
    """Kafka does not confirm."""


class Misconfigured(PermanentError):
    """A setting, a file or a key is wrong or missing; the text says which and what would be right."""


class UnsafeBuild(PermanentError):
    """The installed Faust is not the one our transport was made safe for."""


class Untrusted(PermanentError):
    """Somebody outside wrote what is not theirs to say: it is set aside, and nobody's request waits for it."""


class TooManyParked(PermanentError):
    """So many messages of our own failed in a row that the fault must be ours: stop instead of parking everything."""

    def __init__(self, service: str, *, in_a_row: int) -> None:
        super().__init__(f"{service}: {in_a_row} messages in a row could not be handled; stopping, nothing is lost")
        self.service = service
