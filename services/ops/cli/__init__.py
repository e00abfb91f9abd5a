"""`rightsbus`: one command per question an operator asks. Exit 0 only on success, 2 for a wrong call."""

import sys

import typer

from connectors.registry import NoSuchConnector
from rules.errors import PolicyProblem
from services.directory.rows import WrongRow
from services.kernel.errors import RightsbusError
from services.ops.cli import (
    audit,
    clients,
    decide,
    demo,
    directory,
    keep,
    law,
    look,
    parked,
    register,
    run,
    say,
    verify,
)
from stack.errors import StackError

app = typer.Typer(no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False, help=__doc__)
for module in (run, say, decide, look, register, parked, audit, keep, clients, law, directory, verify, demo):
    module.add_to(app)


def main() -> None:
    """Run the command line; a user's mistake is one plain sentence, never a stack trace."""
    try:
        app()
    except (RightsbusError, StackError, PolicyProblem, WrongRow, NoSuchConnector) as problem:
        sys.stderr.write(f"error: {problem}\n")
        sys.exit(1)
