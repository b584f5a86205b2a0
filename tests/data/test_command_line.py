"""Errors and settings of the command line, the same for every layer's group."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from data.command_line import CommandGroup, existing_workspace, parse_settings, workspace_option
from data.errors import InvalidInput


@click.group(cls=CommandGroup)
@workspace_option
@click.pass_context
def layer(context: click.Context, root: Path | None) -> None:
    context.obj = root


@layer.command()
@click.pass_obj
def where(root: Path | None) -> None:
    click.echo(existing_workspace(root).root)


@layer.group()
def inner() -> None: ...


@inner.command()
def fail() -> None:
    raise InvalidInput("It is 3.", where="here", valid=["1", "2"], next_step="Choose one.")


def test_an_expected_error_is_one_message_and_exit_code_1() -> None:
    result = CliRunner().invoke(layer, ["inner", "fail"])
    assert result.exit_code == 1
    assert result.stderr == "Error: It is 3. Where: here. Valid: 1, 2. Next: Choose one.\n"
    assert result.stdout == ""


def test_the_workspace_must_be_there(tmp_path, workspace) -> None:
    found = CliRunner().invoke(layer, ["--workspace", str(workspace.root), "where"])
    assert found.stdout == f"{workspace.root}\n"
    missing = CliRunner().invoke(layer, ["--workspace", str(tmp_path / "none"), "where"])
    assert missing.exit_code == 1
    assert "no Goalpost workspace here" in missing.stderr
    assert not (tmp_path / "none").exists()


def test_settings_are_json_or_text() -> None:
    assert parse_settings(["steps=3", "on = true", "name=a=b"]) == {
        "steps": 3, "on": True, "name": "a=b",
    }  # fmt: skip
    with pytest.raises(click.BadParameter, match="'steps' is not KEY=VALUE"):
        parse_settings(["steps"])
