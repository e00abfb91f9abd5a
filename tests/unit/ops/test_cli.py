"""The command line: a wrong call is 2, a failure is 1 with one sentence, and every command explains itself."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import psycopg
import pytest
from kafka.errors import KafkaTimeoutError
from rich.console import Console
from typer.main import get_command
from typer.testing import CliRunner

from schemas.values import Verb
from services.kernel.errors import Misconfigured
from services.ops import cli
from services.ops.cli import common

ROOT: Any = get_command(cli.app)


def commands(group: Any = ROOT, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if getattr(command, "commands", None):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands())


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_and_its_options(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]

    assert len((command.help or "").split()) > 2
    assert (command.help or "").split("\n")[0].endswith((".", ":", ";", ","))
    for option in command.params:
        if isinstance(option, click.Option) and option.name not in {"help", "version"}:
            assert option.help, option.name


def test_the_command_line_has_what_operators_were_promised() -> None:
    promised = {
        ("up",), ("down",), ("status",), ("doctor",), ("demo",), ("submit",), ("answer",), ("trace",), ("watch",),
        ("topics", "create"), ("topics", "check"), ("clients", "add"), ("clients", "list"), ("sources", "add"),
        ("parked", "list"), ("parked", "show"), ("parked", "replay"), ("parked", "discard"), ("audit", "verify"),
        ("audit", "export"), ("register", "rebuild"), ("register", "list"), ("report", "ccpa"), ("report", "register"),
        ("diagnostics",), ("restart",), ("effects", "list"), ("effects", "retry"), ("retention", "keys"),
        ("audit", "restore"), *(("decide", verb.value) for verb in Verb),
    }  # fmt: skip

    assert promised - COMMANDS.keys() == set()


@pytest.mark.parametrize(
    "words",
    [["decide", "deny"], ["trace"], ["report", "ccpa"], ["parked", "show", "x"], ["teleport"],
     ["report", "register", "--from", "yesterday", "--to", "2026-01-01"], ["decide", "deny", "--due-within", "soon"]],
    ids=" ".join,
)  # fmt: skip
def test_a_wrong_call_is_2_and_says_what_would_be_right(words: list[str], tmp_path: Path) -> None:
    told = CliRunner().invoke(cli.app, words)

    assert told.exit_code in {1, 2}
    if told.exit_code == 1:
        assert isinstance(told.exception, Misconfigured)
    else:
        assert "Error" in told.output


SET_UP = "nothing was set up in x; `rightsbus up` does it"
AWAY = "the {} did not answer as it should ({}); `rightsbus doctor` says more"


@pytest.mark.parametrize(
    ("raised", "sentence"),
    [
        (Misconfigured(SET_UP), SET_UP),
        (KafkaTimeoutError("secret detail"), AWAY.format("broker", "KafkaTimeoutError")),
        (psycopg.OperationalError("secret detail"), AWAY.format("database", "OperationalError")),
        (PermissionError(13, "Permission denied", "out.json"), "out.json: Permission denied"),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_no_trace(
    raised: Exception, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def app() -> None:
        raise raised

    monkeypatch.setattr(cli, "app", app)
    with pytest.raises(SystemExit) as ended:
        cli.main()

    assert ended.value.code == 1
    assert capsys.readouterr().err == f"error: {sentence}\n"


def test_an_interrupt_ends_quietly(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def app() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "app", app)
    with pytest.raises(SystemExit) as ended:
        cli.main()

    assert ended.value.code == cli.INTERRUPTED
    assert capsys.readouterr().err == ""


def test_a_folder_where_nothing_was_set_up_is_named_with_the_way_out(tmp_path: Path) -> None:
    told = CliRunner().invoke(cli.app, ["status", "--data", str(tmp_path)])

    assert isinstance(told.exception, Misconfigured)
    assert str(told.exception) == f"nothing was set up in {tmp_path}; `rightsbus up` does it"


def test_help_is_shown_and_shell_completion_can_be_installed() -> None:
    told = CliRunner().invoke(cli.app, ["--help"])

    assert told.exit_code == 0
    assert "--install-completion" in told.output


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("rightsbus par", ["parked"]),
        ("rightsbus decide re", ["retry", "release"]),
        ("rightsbus decide deny --reason would", ["would_violate_law", "would_make_incorrect"]),
        ("rightsbus parked replay x --re", ["--reason"]),
    ],
)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands_options_and_values(shell: str, line: str, offered: list[str]) -> None:
    asked = {
        "_RIGHTSBUS_COMPLETE": f"complete_{shell}", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" ")),
        "_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }  # fmt: skip
    told = CliRunner().invoke(cli.app, [], env=asked, prog_name="rightsbus")

    lines = re.findall(r'^(?:_arguments .*\(\()?"?([\w-]+)', told.output, re.MULTILINE)
    assert [word for word in lines if word != "_arguments"] == offered


def test_a_bar_is_drawn_on_a_terminal_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for terminal, drawn in ((True, True), (False, False)):
        shown = io.StringIO()
        monkeypatch.setattr(common, "told_aside", Console(file=shown, force_terminal=terminal, width=80))
        with common.bar() as progress:
            task = progress.add_task("rebuilding", total=2)
            progress.update(task, completed=2, refresh=True)

        assert ("rebuilding" in shown.getvalue(), "2/2" in shown.getvalue()) == (drawn, drawn)


@pytest.mark.parametrize(("words", "lacking"), [
    ([], "--reason"), (["--reason", "need_user_verification"], "--reason"),
    (["--reason", "would_violate_law"], "--basis"),
    (["--reason", "excessive", "--basis", " "], "--basis"),
])  # fmt: skip
def test_a_denial_that_could_not_be_told_to_the_person_is_not_even_published(words: list[str], lacking: str) -> None:
    told = CliRunner().invoke(cli.app, ["decide", "deny", "5b3f2a10-9c7e-8d21-a4b0-000000000002", *words])

    assert told.exit_code == 2
    said = " ".join(re.sub(r"[\u2500-\u257f]", " ", told.output).split())
    assert lacking in said
    assert "a denial" in said
