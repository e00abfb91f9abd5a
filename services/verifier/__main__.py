"""Run the verifier worker: `python -m services.verifier`."""

from services.kernel.process import run
from services.verifier.app import build
from services.verifier.settings import Settings

if __name__ == "__main__":
    run("verifier", Settings, build)
