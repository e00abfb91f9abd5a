"""`python -m bench NAME …`: run one measurement and end with its verdict."""

import sys
from importlib import import_module
from pathlib import Path

from stack.processes import clean_up_when_told_to_end


def names() -> list[str]:
    """Every measurement there is."""
    modules = Path(__file__).parent.glob("[!_]*.py")
    return sorted(path.stem for path in modules if "\ndef run(" in path.read_text(encoding="utf-8"))


def main(argv: list[str]) -> int:
    """Run the measurement named first; what follows are its own arguments."""
    known = names()
    if not argv or argv[0] not in known:
        asked = f"there is no measurement {argv[0]!r}" if argv else "which measurement?"
        print(f"{asked}; one of: {', '.join(known)}", file=sys.stderr)
        return 2
    clean_up_when_told_to_end()
    return int(import_module(f"bench.{argv[0]}").run(argv[1:]) or 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
