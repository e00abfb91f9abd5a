"""Run the fulfiller worker: `python -m services.fulfiller`."""

from services.fulfiller.app import build
from services.fulfiller.settings import Settings
from services.kernel.process import run

if __name__ == "__main__":
    run("fulfiller", Settings, build)
