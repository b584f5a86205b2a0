"""The `goalpost` command.

Each layer brings its own group; a group is imported only when it is asked for, so that help is
answered at once.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import click

from app.scoring.commands import keys, serve
from data.command_line import CommandGroup

_GROUPS = {
    "data": ("data.cli", "What was seen, and what people said about it."),
    "sd": ("sd_model.cli", "Success detectors: train, score, report."),
    "policy": ("policy.cli", "Policies: collect, train, evaluate."),
}


_DOORS = {
    "execute": "app.doors.transfer_run:execute",
    "export": "app.doors.export_commands:export_group",
    "import": "app.doors.import_commands:import_group",
}
"""Commands of `goalpost data` that need other layers too: rewards come from detectors."""


class _LazyGroups(CommandGroup):
    """A group whose layer groups are imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *_GROUPS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _GROUPS:
            return super().get_command(ctx, cmd_name)
        module, _ = _GROUPS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), cmd_name)
        if cmd_name == "data" and isinstance(command, click.Group):
            for name, place in _DOORS.items():
                module, _, attribute = place.partition(":")
                command.add_command(getattr(importlib.import_module(module), attribute), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [
            (name, command.get_short_help_str()) for name, command in sorted(self.commands.items())
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
        with formatter.section("Layers"):
            formatter.write_dl([(name, text) for name, (_, text) in _GROUPS.items()])


@click.group(cls=_LazyGroups)
@click.version_option(package_name="goalpost")
def goalpost() -> None:
    """Teach robots what success looks like.

    Start with `goalpost up` and open the address it prints.
    """


@goalpost.command()
@click.option(
    "--workspace",
    type=click.Path(path_type=Path),
    default=None,
    help="Folder that holds all data. Default: $GOALPOST_WORKSPACE, or ./workspace.",
)
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True)
@click.option("--address", default="127.0.0.1", show_default=True, help="Interface to listen on.")
def up(workspace: Path | None, port: int, address: str) -> None:
    """Serve the app, with the fleet of simulated robots."""
    from app.serving import serve

    serve(workspace, address=address, port=port)


@goalpost.command()
@click.option(
    "--workspace",
    type=click.Path(path_type=Path),
    default=None,
    help="A new folder to keep the demo's data in. Default: ./demo/<date and time>.",
)
def demo(workspace: Path | None) -> None:
    """Run the whole loop once, without a browser, and print what it made."""
    from app.demo import run_demo

    run_demo(workspace)


goalpost.add_command(serve)
goalpost.add_command(keys)


def main() -> None:
    """Entry point."""
    goalpost()


if __name__ == "__main__":
    main()
