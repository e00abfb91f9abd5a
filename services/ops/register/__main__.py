"""Run the register: `python -m services.ops.register`. Exits 0 when told to stop, 2 when wrongly set up."""

import signal
import sys

from pydantic import ValidationError

from services.kernel import logs
from services.kernel.errors import RightsbusError
from services.kernel.keys import FileKeyStore
from services.ops.register.meters import Meters
from services.ops.register.process import Register
from services.ops.register.settings import Settings


def main() -> int:
    """Run until a signal says stop."""
    logs.configure("ops")
    try:
        settings = Settings()
        keys = FileKeyStore(settings.keys_dir)
        meters = Meters()
        register = Register(settings, keys, meters)
    except ValidationError as error:
        names = ", ".join(str(found["loc"][0]).upper() for found in error.errors(include_input=False))
        sys.stderr.write(f"ops: settings are missing or wrong: {names}\n")
        return 2
    except RightsbusError as error:
        sys.stderr.write(f"ops: {error}\n")
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: register.stop.set())
    register.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
