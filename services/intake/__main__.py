"""Run the intake worker: `python -m services.intake`."""

from services.intake.app import build
from services.intake.settings import Settings
from services.kernel.process import run

if __name__ == "__main__":
    run("intake", Settings, build)
