"""`goalpost policy`: collect episodes, train policies, evaluate them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from data.command_line import CommandGroup, existing_workspace, parse_settings, workspace_option

if TYPE_CHECKING:
    from data.runs.runs import Run
    from data.workspace import Workspace

# torch, pybullet and DuckDB are imported by the command that needs them: `--help` stays quick.

_COUNT = click.IntRange(min=1)


@click.group(cls=CommandGroup)
@workspace_option
@click.pass_context
def policy(context: click.Context, root: Path | None) -> None:
    """Policies: collect, train, evaluate."""
    context.obj = root


@policy.command()
@click.option("--robot", "robots", multiple=True, required=True, help="May be repeated.")
@click.option("--task", "tasks", multiple=True, required=True, help="May be repeated.")
@click.option(
    "--behaviour",
    default="scripted-pick",
    show_default=True,
    help="scripted-pick, scripted-place or noisy.",
)
@click.option("--policy", "policy_id", default=None, help="Let this policy act instead.")
@click.option(
    "--acting-as",
    default=None,
    metavar="TASK",
    help="The policy acts as for this task of its own: for a new task that nothing has solved yet.",
)
@click.option("--recipe", default="cpu", show_default=True, help="Whose image size is kept.")
@click.option("--episodes", type=_COUNT, default=20, show_default=True, help="For each robot.")
@click.option("--seed", default=0, show_default=True, help="Of scenes and behaviours.")
@click.pass_obj
def collect(
    root: Path | None,
    robots: Sequence[str],
    tasks: Sequence[str],
    behaviour: str,
    policy_id: str | None,
    acting_as: str | None,
    recipe: str,
    episodes: int,
    seed: int,
) -> None:
    """Collect episodes in simulated cells, here and now."""
    spec = {
        "robots": list(robots),
        "behaviour": behaviour,
        "policy": policy_id,
        "acting_as": acting_as,
        "tasks": list(tasks),
        "episodes_per_robot": episodes,
        "recipe": recipe,
        "seed": seed,
    }
    run = _carry_out(root, "collect", spec)
    click.echo(f"{run.status().result['episodes']} episodes collected.")


@policy.command()
@click.argument("policy_id")
@click.argument("episode_id")
@click.pass_obj
def values(root: Path | None, policy_id: str, episode_id: str) -> None:
    """Print what POLICY_ID thinks each frame of EPISODE_ID is worth, and remember it."""
    import json

    from data.catalog.catalog import Catalog
    from data.episodes.index import find_episode, load_episode
    from policy.acting.values import remember_values
    from policy.artefact import values_path

    workspace = existing_workspace(root)
    catalog = Catalog(workspace)
    task = find_episode(catalog, episode_id).info.task or ""
    remember_values(workspace, policy_id, load_episode(catalog, episode_id), task)
    found = json.loads(values_path(workspace, policy_id, episode_id).read_bytes())
    click.echo("  ".join(f"{value:.3f}" for value in found))


@policy.command()
@click.option("--detector", default=None, help="Its rewards teach; else the simulator's truth.")
@click.option("--task", "tasks", multiple=True, required=True, help="May be repeated.")
@click.option("--recipe", default="cpu", show_default=True, help="smoke, cpu or paper.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change the recipe.")
@click.option(
    "--strategy", default="skill", show_default=True, help="Impersonation: orig, all or skill."
)
@click.option("--success-share", default=1.0, show_default=True, help="Successes impersonated.")
@click.option("--failure-share", default=1.0, show_default=True, help="Failures impersonated.")
@click.option("--updates", type=_COUNT, default=2000, show_default=True, help="Gradient updates.")
@click.option(
    "--collect", "collect_robots", multiple=True, help="Collects meanwhile; may be repeated."
)
@click.option(
    "--episodes",
    type=_COUNT,
    default=8000,
    show_default=True,
    help="Those that collect rest once so many of theirs are there, earlier ones counted.",
)
@click.option("--processes", default=0, help="That collect; 0 leaves one core for training.")
@click.option("--from-policy", default=None, help="Go on from this policy.")
@click.option("--robot", "robots", multiple=True, help="Evaluate on it; may be repeated.")
@click.option("--evaluation-episodes", default=10, show_default=True, help="Per task and robot.")
@click.option("--seed", default=0, show_default=True, help="Of weights, batches and evaluation.")
@click.pass_obj
def train(
    root: Path | None,
    detector: str | None,
    tasks: Sequence[str],
    recipe: str,
    settings: Sequence[str],
    strategy: str,
    success_share: float,
    failure_share: float,
    updates: int,
    collect_robots: Sequence[str],
    episodes: int,
    processes: int,
    from_policy: str | None,
    robots: Sequence[str],
    evaluation_episodes: int,
    seed: int,
) -> None:
    """Train a policy from the robots' episodes, here and now; robots may collect meanwhile."""
    spec = {
        "recipe": recipe,
        "overrides": parse_settings(settings),
        "detector": detector,
        "tasks": list(tasks),
        "strategy": strategy,
        "success_share": success_share,
        "failure_share": failure_share,
        "updates": updates,
        "collect_robots": list(collect_robots),
        "episodes": episodes if collect_robots else 0,
        "processes": processes,
        "from_policy": from_policy,
        "evaluation_episodes": evaluation_episodes if robots else 0,
        "robots": list(robots),
        "seed": seed,
    }
    run = _carry_out(root, "train-policy", spec)
    _show(existing_workspace(root), run.status().result["policy"])


@policy.command()
@click.argument("policy_id")
@click.option("--task", "tasks", multiple=True, required=True, help="May be repeated.")
@click.option("--robot", "robots", multiple=True, required=True, help="May be repeated.")
@click.option(
    "--episodes", type=_COUNT, default=20, show_default=True, help="For each task and robot."
)
@click.option("--detector", default=None, help="Compare this detector with the truth.")
@click.option("--seed", default=0, show_default=True, help="Of the scenes.")
@click.pass_obj
def evaluate(
    root: Path | None,
    policy_id: str,
    tasks: Sequence[str],
    robots: Sequence[str],
    episodes: int,
    detector: str | None,
    seed: int,
) -> None:
    """Try POLICY_ID in simulated cells and count its true successes."""
    spec = {
        "policy": policy_id,
        "tasks": list(tasks),
        "robots": list(robots),
        "episodes_per_task": episodes,
        "detector": detector,
        "seed": seed,
    }
    _carry_out(root, "evaluate-policy", spec)
    _show(existing_workspace(root), policy_id)


@policy.command()
@click.option(
    "--study",
    default="strategies",
    show_default=True,
    help="strategies: the columns of MT-Opt's Table 4; learning: what the recipe rests on; "
    "grasping: QT-Opt's Table 1.",
)
@click.option("--arm", "names", multiple=True, help="Only this one; may be repeated.")
@click.option("--task", "tasks", multiple=True, required=True, help="May be repeated.")
@click.option("--holdout", multiple=True, required=True, help="Robots that judge, not teach.")
@click.option("--detector", default=None, help="Its rewards teach; else the simulator's truth.")
@click.option("--recipe", default="cpu", show_default=True, help="smoke, cpu or paper.")
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change the recipe of all arms."
)
@click.option("--updates", type=_COUNT, default=3000, show_default=True, help="For each arm.")
@click.option(
    "--attempts", type=_COUNT, default=100, show_default=True, help="Per task and holdout robot."
)
@click.option("--seed", default=0, show_default=True, help="Of weights, batches and evaluation.")
@click.option("--results", type=click.Path(path_type=Path), required=True, help="A JSON file.")
@click.pass_obj
def ablate(
    root: Path | None,
    study: str,
    names: Sequence[str],
    tasks: Sequence[str],
    holdout: Sequence[str],
    detector: str | None,
    recipe: str,
    settings: Sequence[str],
    updates: int,
    attempts: int,
    seed: int,
    results: Path,
) -> None:
    """Compare ways to learn from the episodes that are there; interrupted, it goes on."""
    _yield_cores_while_waiting()
    from data.catalog.catalog import Catalog
    from data.errors import unknown_name
    from policy.ablation import STUDIES, Study, table
    from policy.ablation import ablate as compare

    if study not in STUDIES:
        raise unknown_name("study", study, STUDIES)
    for name in names:
        if name not in STUDIES[study]:
            raise unknown_name("arm", name, STUDIES[study], where=f"study {study}")
    rates = compare(
        Catalog(existing_workspace(root)),
        Study(
            tasks=tuple(tasks),
            holdout=tuple(holdout),
            detector=detector,
            recipe=recipe,
            updates=updates,
            attempts=attempts,
            seed=seed,
            overrides=parse_settings(settings),
        ),
        {name: arm for name, arm in STUDIES[study].items() if name in (names or STUDIES[study])},
        results,
        say=click.echo,
    )
    click.echo(table(rates))


@policy.command()
@click.argument("run_folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def execute(run_folder: Path) -> None:
    """Carry out the run in RUN_FOLDER, or go on with it."""
    _yield_cores_while_waiting()
    from data.runs.runs import open_run
    from policy.run import execute_run

    execute_run(open_run(run_folder))


@policy.command("list")
@click.pass_obj
def list_command(root: Path | None) -> None:
    """List the trained policies, the newest first."""
    from datetime import UTC, datetime

    from policy.artefact import damaged_policies, list_policies

    workspace = existing_workspace(root)
    for error in damaged_policies(workspace):
        click.echo(f"Left out: {error}", err=True)
    found = list_policies(workspace)
    if not found:
        click.echo("No policy yet. Train one with `goalpost policy train --detector ID`.")
    for each in found:
        created = datetime.fromtimestamp(each.created_at_ns / 1e9, UTC)
        click.echo(f"{each.policy_id}  {created:%Y-%m-%d %H:%M} UTC  {', '.join(each.tasks)}")


@policy.command()
@click.argument("policy_id")
@click.pass_obj
def show(root: Path | None, policy_id: str) -> None:
    """Print what POLICY_ID was made from and how it did."""
    _show(existing_workspace(root), policy_id)


@policy.command("export")
@click.argument("policy_id")
@click.argument("folder", type=click.Path(path_type=Path))
@click.pass_obj
def export_(root: Path | None, policy_id: str, folder: Path) -> None:
    """Write POLICY_ID as an ONNX file into FOLDER; needs the extra `onnx`."""
    from policy.acting.onnx_export import export_policy
    from policy.artefact import policy_folder

    for path in export_policy(policy_folder(existing_workspace(root), policy_id), folder):
        click.echo(str(path))


def _carry_out(root: Path | None, kind: str, spec: Mapping[str, Any]) -> Run:
    _yield_cores_while_waiting()
    from data.runs.runs import create_run
    from policy.run import execute_run

    workspace = existing_workspace(root)
    run = create_run(workspace, kind, spec)
    click.echo(f"Working in {run.folder}; interrupted, it goes on with:")
    click.echo(f"  goalpost policy execute {run.folder}")
    execute_run(run)
    if run.status().state != "done":
        raise click.ClickException(f"The run ended as '{run.status().state}'.")
    return run


def _yield_cores_while_waiting() -> None:
    """Let torch's threads sleep between tasks instead of spinning; before torch is imported.

    Cell hosts and the app share the cores. Where they are busy, spinning threads wait for each
    other: measured with two cores under load, acting fell from 76 actions a second to 2.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _show(workspace: Workspace, policy_id: str) -> None:
    from policy.artefact import load_summary, policy_folder

    summary = load_summary(policy_folder(workspace, policy_id))
    lineage = summary.lineage
    click.echo(f"Policy {summary.policy_id}: {', '.join(summary.tasks)}")
    judge = f"detector {lineage['detector']}" if lineage["detector"] else "the simulator's truth"
    click.echo(f"  {lineage['updates']} updates, rewards of {judge}")
    click.echo(f"  {summary.folder}")
    if lineage["without_success"]:
        click.echo(
            f"  no episode succeeded at: {', '.join(lineage['without_success'])}; "
            "collect more episodes of these tasks, or of easier ones of the same skill"
        )
    if summary.evaluation is None:
        click.echo("  not evaluated yet")
        return
    for task, rate in summary.evaluation["by_task"].items():
        click.echo(
            f"  {task:<20} {rate['successes']:>4} of {rate['attempts']:<4} "
            f"{rate['rate']:>4.0%}  (95%: {rate['low']:.0%} to {rate['high']:.0%})"
        )
    for task, rate in summary.evaluation.get("script", {"by_task": {}})["by_task"].items():
        click.echo(f"  the script at {task}: {rate['rate']:.0%}")


if __name__ == "__main__":
    sys.exit(policy())
