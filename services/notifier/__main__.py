"""Run the notifier worker: `python -m services.notifier`."""

from services.kernel.process import run
from services.notifier.app import build
from services.notifier.settings import Settings

if __name__ == "__main__":
    run("notifier", Settings, build)
