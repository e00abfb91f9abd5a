"""Run the register: `python -m services.ops.register`. Exits 0 when told to stop, 2 when wrongly set up."""

import signal
import sys

from prometheus_client import start_http_server
from pydantic import ValidationError

from services.kernel import logs
from services.kernel.errors import RightsbusError
from services.kernel.keys import FileKeyStore
from services.kernel.policies import load_handbook
from services.ops.lag import Lag
from services.ops.register.gauges import Gauges
from services.ops.register.meters import Meters
from services.ops.register.process import Register, access_of
from services.ops.register.settings import Settings


def main() -> int:
    """Run until a signal says stop."""
    logs.configure("ops")
    try:
        settings = Settings()
        keys = FileKeyStore(settings.keys_dir)
        meters = Meters()
        register = Register(settings, keys, meters)
        brands = load_handbook(settings.policies_dir).brands
    except ValidationError as error:
        names = ", ".join(str(found["loc"][0]).upper() for found in error.errors(include_input=False))
        sys.stderr.write(f"ops: settings are missing or wrong: {names}\n")
        return 2
    except RightsbusError as error:
        sys.stderr.write(f"ops: {error}\n")
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: register.stop.set())
    if settings.metrics_port:
        windows = {name: brand.windows.destroy_keys_after for name, brand in brands.items()}
        url = settings.database_url.get_secret_value()
        meters.registry.register(Gauges(url, lambda: Lag(access_of(settings)), windows))
        start_http_server(settings.metrics_port, addr=settings.metrics_host, registry=meters.registry)
    register.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
