"""What the command line of every layer shares: its errors, its workspace, its settings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from data.workspace import Workspace


class CommandGroup(click.Group):
    """A group whose expected errors, also those of its subgroups, end as words and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Call the command. A `GoalpostError` becomes one message on the standard error."""
        from data.errors import GoalpostError

        try:
            return super().invoke(ctx)
        except GoalpostError as error:
            raise click.ClickException(str(error)) from error


workspace_option = click.option(
    "--workspace",
    "root",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="The workspace's folder; $GOALPOST_WORKSPACE, or workspace/ here.",
)
"""Which workspace the commands of a group are about."""


def existing_workspace(root: Path | None) -> Workspace:
    """The workspace that `workspace_option` names; raises like `open_workspace`."""
    from data.workspace import default_root, open_workspace

    return open_workspace(root or default_root(), create=False)


def parse_settings(texts: Sequence[str]) -> dict[str, Any]:
    """The settings of a repeated option `KEY=VALUE`: JSON where VALUE is that, else text.

    Raises:
        BadParameter: One of them has no equals sign.
    """
    settings: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise click.BadParameter(f"'{text}' is not KEY=VALUE, such as seed=1.")
        try:
            settings[key.strip()] = json.loads(value)
        except ValueError:
            settings[key.strip()] = value
    return settings
