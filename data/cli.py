"""`goalpost data`: look at, define, label and repair what a workspace holds."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from data.command_line import CommandGroup, existing_workspace, workspace_option
from data.recording.command import record

if TYPE_CHECKING:
    from data.catalog.catalog import Catalog
    from data.labels.labels import Label

# DuckDB and pyarrow are imported by the command that needs them: `--help` stays quick.

_COUNT = click.IntRange(min=1)


@click.group(cls=CommandGroup)
@workspace_option
@click.pass_context
def data(context: click.Context, root: Path | None) -> None:
    """What was seen, and what people said about it."""
    context.obj = root


def _catalog(root: Path | None) -> Catalog:
    from data.catalog.catalog import Catalog

    return Catalog(existing_workspace(root))


@data.group()
def tasks() -> None:
    """The tasks of the workspace and their relations."""


@tasks.command("list")
@click.pass_obj
def list_tasks(root: Path | None) -> None:
    """List every task with its relations."""
    from data.tasks.store import load_tasks

    for task in load_tasks(_catalog(root).workspace):
        archived = "  archived" if task.archived else ""
        click.echo(f"{task.name}  (skill {task.skill})  {task.description}{archived}")
        for relation, names in (("implies", task.implies), ("excludes", task.excludes)):
            if names:
                click.echo(f"    {relation} {', '.join(names)}")


@tasks.command("define")
@click.argument("name")
@click.option("--skill", required=True, help="The set of similar tasks it belongs to.")
@click.option("--description", default="", help="What success looks like.")
@click.option("--implies", multiple=True, help="A task that succeeds with it; may be repeated.")
@click.option("--excludes", multiple=True, help="A task that fails with it; may be repeated.")
@click.pass_obj
def define(
    root: Path | None,
    name: str,
    skill: str,
    description: str,
    implies: tuple[str, ...],
    excludes: tuple[str, ...],
) -> None:
    """Define the task NAME, or replace what it is and how it relates to others."""
    from data.tasks.changes import define_task
    from data.tasks.tasks import Task

    task = Task(name=name, skill=skill, description=description, implies=implies, excludes=excludes)
    defined = define_task(_catalog(root), task)
    click.echo(f"Defined '{name}'. The workspace has {len(defined)} tasks.")


@tasks.command("rename")
@click.argument("old")
@click.argument("new")
@click.pass_obj
def rename(root: Path | None, old: str, new: str) -> None:
    """Call the task OLD by the name NEW; its clips, labels and relations stay with it."""
    from data.tasks.changes import rename_task

    rename_task(_catalog(root), old, new)
    click.echo(f"'{old}' is called '{new}' now.")


@tasks.command("archive")
@click.argument("name")
@click.option("--undo", is_flag=True, help="Offer it again.")
@click.pass_obj
def archive(root: Path | None, name: str, undo: bool) -> None:
    """No longer offer the task NAME; its clips and labels are kept."""
    from data.tasks.changes import archive_task

    archive_task(_catalog(root), name, archived=not undo)
    click.echo(f"'{name}' is offered again." if undo else f"'{name}' is archived.")


@data.group()
def robots() -> None:
    """The robots of the workspace."""


@robots.command("list")
@click.pass_obj
def list_robots(root: Path | None) -> None:
    """List every robot with its cameras."""
    from data.cameras.sources import shown
    from data.cells.robots import load_robots

    for robot in load_robots(_catalog(root).workspace).values():
        cameras = "  ".join(f"{camera}={shown(source)}" for camera, source in robot.cameras.items())
        click.echo(f"{robot.name}  {robot.kind}  {cameras}".rstrip())


@robots.command("add")
@click.argument("name")
@click.option("--over-shoulder", required=True, help="Source of the over-the-shoulder camera.")
@click.option("--left", required=True, help="Source of the left camera.")
@click.option("--right", required=True, help="Source of the right camera.")
@click.pass_obj
def add_robot(root: Path | None, name: str, over_shoulder: str, left: str, right: str) -> None:
    """Add the robot NAME with three real cameras, or give it other sources.

    A source is a camera's number, a device path such as /dev/v4l/by-id/..., an RTSP or HTTP
    address, or a video file.
    """
    from data.cells.robots import load_robots, register_robot, with_sources

    catalog = _catalog(root)
    cameras = {"over_shoulder": over_shoulder, "left": left, "right": right}
    register_robot(catalog, with_sources(load_robots(catalog.workspace), name, cameras))
    click.echo(f"'{name}' is saved. A host that runs keeps its old sources until it is restarted.")


data.add_command(record)


@data.group()
def episodes() -> None:
    """Recorded clips and robots' episodes."""


@episodes.command("list")
@click.option("--robot", "robots", multiple=True, help="Only of this robot; may be repeated.")
@click.option("--kind", type=click.Choice(["clip", "robot"]), help="Only of this kind.")
@click.option("--task", help="Only those that show or were commanded this task.")
@click.option(
    "--limit", type=_COUNT, default=50, show_default=True, help="Only the newest so many."
)
@click.pass_obj
def list_(
    root: Path | None, robots: tuple[str, ...], kind: str | None, task: str | None, limit: int
) -> None:
    """List episodes, oldest first."""
    from data.episodes.index import list_episodes
    from data.tasks.store import load_tasks

    catalog = _catalog(root)
    if task is not None:
        task = load_tasks(catalog.workspace)[task].name
    found = list_episodes(catalog, robots=robots or None, kind=kind, task=task, limit=limit)
    if not found:
        click.echo("No episode fits. Record some in the app: `goalpost up`.")
    for episode in found:
        info = episode.info
        click.echo(
            f"{info.episode_id}  {info.robot}  {info.kind}  {info.behaviour}  "
            f"{info.task or '-'}  {info.outcome or '-'}  {info.step_count} frames"
        )


@episodes.command("show")
@click.argument("episode_id")
@click.pass_obj
def show(root: Path | None, episode_id: str) -> None:
    """Show what is known of EPISODE_ID, its labels included, and that it can be read."""
    from data.episodes.index import list_episodes, load_episode
    from data.labels.labels import standing_labels

    catalog = _catalog(root)
    episode = load_episode(catalog, episode_id)
    for name, value in episode.info.as_json().items():
        if value is not None:
            click.echo(f"{name}: {value}")
    click.echo(f"shard: {list_episodes(catalog, episode_ids=[episode_id])[0].shard}")
    sizes = [sum(map(len, step.frames.jpegs.values())) for step in episode.steps]
    click.echo(f"images: {sum(sizes) / 1e6:.1f} MB")
    for label in standing_labels(catalog, episode_ids=[episode_id]):
        click.echo(f"label: {_line(label)}")


@data.group()
def label() -> None:
    """What people and programs said about frames."""


@label.command("add")
@click.argument("episode_id")
@click.argument("task")
@click.argument("outcome", type=click.Choice(["success", "failure", "unsure"]))
@click.option("--frame", type=int, help="Which frame; default: the last of a robot's episode, "
              "every frame of a clip.")  # fmt: skip
@click.option("--by", help="Who says so; default: your user name.")
@click.pass_obj
def add(
    root: Path | None, episode_id: str, task: str, outcome: Any, frame: int | None, by: str | None
) -> None:
    """Say the OUTCOME of TASK in EPISODE_ID."""
    import time

    from data.episodes.index import find_episode
    from data.labels.labels import Label, append_labels, new_label_id

    catalog = _catalog(root)
    info = find_episode(catalog, episode_id).info
    if frame is None and info.kind == "robot":
        frame = info.step_count - 1
    said = Label(
        label_id=new_label_id(),
        episode_id=episode_id,
        frame_index=frame,
        task=task,
        outcome=outcome,
        by=by or _user(),
        source="person",
        at_ns=time.time_ns(),
    )
    append_labels(catalog, [said])
    click.echo(f"{_line(said)}\nTo take it back: goalpost data label undo {said.label_id}")


@label.command("undo")
@click.argument("label_id")
@click.option("--by", help="Who says so; default: your user name.")
@click.pass_obj
def undo(root: Path | None, label_id: str, by: str | None) -> None:
    """Take LABEL_ID back; what stood before it stands again."""
    import time

    from data.labels.labels import undo_label

    undone = undo_label(_catalog(root), label_id, by=by or _user(), at_ns=time.time_ns())
    click.echo("It had been taken back already." if undone is None else "Taken back.")


@label.command("history")
@click.argument("episode_id", required=False)
@click.option("--by", help="Only what this person said.")
@click.option(
    "--limit", type=_COUNT, default=50, show_default=True, help="Only the newest so many."
)
@click.pass_obj
def history(root: Path | None, episode_id: str | None, by: str | None, limit: int) -> None:
    """List events of labelling, newest first; of EPISODE_ID if given."""
    from data.labels.labels import label_history

    for event in label_history(_catalog(root), episode_id, by=by, limit=limit):
        click.echo(_line(event))


@data.command()
@click.pass_obj
def rebuild(root: Path | None) -> None:
    """Fill the catalog anew from the shards and the log of labels."""
    from data.catalog import catalog
    from data.checking import check_workspace

    with click.progressbar(length=100, label="Rebuilding the index") as bar:
        rebuilt = catalog.rebuild(
            existing_workspace(root),
            lambda share, what: bar.update(round(100 * share) - bar.pos),
        )
    with rebuilt.transaction() as transaction:
        counts = transaction.rows(
            "SELECT (SELECT count(*) FROM episodes) AS episodes, "
            "(SELECT count(*) FROM labels) AS labels"
        )[0]
    click.echo(f"Indexed {counts['episodes']} episodes and {counts['labels']} labels.")
    _report(check_workspace(rebuilt))


@data.command("compact")
@click.pass_obj
def compact_(root: Path | None) -> None:
    """Merge small shards into large ones; the app and runs may go on meanwhile."""
    from data.episodes.compaction import compact

    done = compact(_catalog(root))
    click.echo(f"Wrote {len(done.merged)} merged shards, deleted {len(done.deleted)} old ones.")
    _report(list(done.damaged))


@data.command()
@click.option("--thorough", is_flag=True, help="Read every image too.")
@click.pass_obj
def check(root: Path | None, thorough: bool) -> None:
    """List every file that cannot be read; exit code 1 if there is one."""
    from data.checking import check_workspace

    found = check_workspace(_catalog(root), thorough=thorough)
    _report(found)
    click.echo("Every file can be read.")


def _report(found: Any) -> None:
    for error in found:
        click.echo(str(error), err=True)
    if found:
        raise click.ClickException(f"{len(found)} damaged or missing.")


def _line(label: Label) -> str:
    at = datetime.fromtimestamp(label.at_ns / 1e9, UTC)
    frame = "every frame" if label.frame_index is None else f"frame {label.frame_index}"
    said = f"undoes {label.retracts}" if label.retracts else label.outcome
    return (
        f"{label.label_id}  {at:%Y-%m-%d %H:%M:%S} UTC  {label.episode_id}  {frame}  "
        f"{label.task}  {said}  by {label.by} ({label.source})"
    )


def _user() -> str:
    import getpass

    return getpass.getuser()
