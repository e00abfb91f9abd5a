"""`rightsbus`: one command per question an operator asks. Exit 0 only on success, 2 for a wrong call."""

import sys
from typing import Final

import psycopg
import typer
from kafka.errors import KafkaError

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
    doctor,
    effects,
    keep,
    law,
    look,
    packages,
    parked,
    register,
    report,
    retention,
    run,
    say,
    systems,
    verify,
)
from stack.errors import StackError

INTERRUPTED: Final = 130
app = typer.Typer(no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False, help=__doc__)
for module in (
    run,
    say,
    decide,
    look,
    doctor,
    register,
    parked,
    effects,
    audit,
    report,
    retention,
    keep,
    clients,
    packages,
    law,
    directory,
    systems,
    verify,
    demo,
):
    module.add_to(app)


def main() -> None:
    """Run the command line; what goes wrong is one plain sentence, never a stack trace."""
    try:
        app()
    except (RightsbusError, StackError, PolicyProblem, WrongRow, NoSuchConnector) as problem:
        _fail(str(problem))
    except KafkaError as problem:
        _fail(f"the broker did not answer as it should ({type(problem).__name__}); `rightsbus doctor` says more")
    except psycopg.Error as problem:
        _fail(f"the database did not answer as it should ({type(problem).__name__}); `rightsbus doctor` says more")
    except OSError as problem:
        _fail(f"{problem.filename or 'the system'}: {problem.strerror or type(problem).__name__}")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _fail(sentence: str) -> None:
    sys.stderr.write(f"error: {sentence}\n")
    sys.exit(1)
