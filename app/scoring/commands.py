"""`goalpost serve` and `goalpost keys`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from data.command_line import CommandGroup, existing_workspace, workspace_option

if TYPE_CHECKING:
    from app.scoring.keys import ApiKeys


@click.command()
@workspace_option
@click.option("--port", type=click.IntRange(1, 65535), default=8601, show_default=True)
@click.option("--address", default="127.0.0.1", show_default=True, help="Interface to listen on.")
@click.option("--detector", help="Serve this one; default: the one approved last, always.")
def serve(root: Path | None, port: int, address: str, detector: str | None) -> None:
    """Answer over HTTP whether tasks succeeded: POST three JPEGs to /v1/score."""
    from app.scoring.serving import serve_scores

    serve_scores(root, address=address, port=port, detector=detector)


@click.group(cls=CommandGroup)
@workspace_option
@click.pass_context
def keys(context: click.Context, root: Path | None) -> None:
    """Who may ask the scoring service."""
    from app.scoring.keys import ApiKeys

    context.obj = ApiKeys(existing_workspace(root))


@keys.command("add")
@click.argument("name")
@click.pass_obj
def add(known: ApiKeys, name: str) -> None:
    """Make a key for NAME and print it; it cannot be shown again."""
    click.echo(known.add(name))


@keys.command("list")
@click.pass_obj
def list_(known: ApiKeys) -> None:
    """List who has a key."""
    for name in known.names():
        click.echo(name)


@keys.command("remove")
@click.argument("name")
@click.pass_obj
def remove(known: ApiKeys, name: str) -> None:
    """Let the key of NAME open nothing any more."""
    known.remove(name)
    click.echo(f"The key of {name} opens nothing any more.")
