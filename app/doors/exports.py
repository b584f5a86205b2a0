"""An export, whatever the form: what it needs to be told, and its carrying out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from data.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from data.catalog.catalog import Catalog
    from data.episodes.episodes import Episode
    from data.exporters.lerobot import Outcomes
    from data.transfers.tally import Progress, Tally

ExportForm = Literal["lerobot", "table", "label-studio", "fiftyone", "rerun"]


@dataclass(frozen=True, kw_only=True)
class Export:
    """What to export; the spec of an `export` run. Not every form heeds every field."""

    form: ExportForm
    path: str
    """New: a folder, or a file for `table` (.csv, .parquet) and `rerun` (.rrd)."""
    kind: Literal["clip", "robot"] | None = None
    robots: tuple[str, ...] = ()
    """None named: of every robot."""
    task: str | None = None
    """Only episodes that show or were commanded this task."""
    behaviour: str | None = None
    limit: int | None = None
    """Only the newest so many."""
    success: str = "labels"
    """`lerobot`: where successes come from: `labels`, `none`, or a detector's identifier."""
    images: bool = False
    """`lerobot`: the stored JPEGs instead of videos."""
    asked: str | None = None
    """`label-studio`, `fiftyone`: the task whose outcome is asked for."""
    episode: str | None = None
    """`rerun`: which episode."""
    detector: str | None = None
    """`rerun`: a detector whose scores are shown."""
    policy: str | None = None
    """`rerun`: a policy whose expectation is shown."""


def carry_out_export(catalog: Catalog, wanted: Export, progress: Progress) -> Tally:
    """Export it. Raises like the exporter of its form, and `InvalidInput` for what is missing."""
    from data.exporters import labels
    from data.exporters.choice import Choice
    from data.exporters.lerobot import export_lerobot

    place = Path(wanted.path).expanduser()
    choice = Choice(
        kind=wanted.kind,
        robots=wanted.robots or None,
        task=wanted.task,
        behaviour=wanted.behaviour,
        limit=wanted.limit,
    )
    if wanted.form == "lerobot":
        return export_lerobot(
            catalog,
            place,
            choice,
            outcomes=outcomes_from(catalog, wanted.success),
            as_video=not wanted.images,
            progress=progress,
        )
    if wanted.form == "table":
        return labels.export_label_table(catalog, place, progress=progress)
    if wanted.form == "rerun":
        return _export_rerun(catalog, wanted, place)
    write = {"label-studio": labels.export_label_studio, "fiftyone": labels.export_fiftyone}
    asked = _said(wanted.asked, "task", "Choose the task whose outcome is asked for.")
    return write[wanted.form](catalog, place, choice, asked, progress=progress)


def outcomes_from(catalog: Catalog, success: str) -> Outcomes | None:
    """Where successes come from: `labels`, `none`, or the identifier of a detector.

    Raises:
        UnknownName: There is no such detector.
    """
    if success == "none":
        return None
    if success == "labels":
        from data.exporters.lerobot import labelled_outcomes

        return labelled_outcomes(catalog)
    from sd_model.judging.detector import Detector, detector_folder
    from sd_model.judging.episode_scores import detected_outcomes

    return detected_outcomes(Detector.load(detector_folder(catalog.workspace, success)), catalog)


def _export_rerun(catalog: Catalog, wanted: Export, place: Path) -> Tally:
    import goalpost
    from data.episodes.index import load_episode
    from data.exporters.rerun import export_rerun
    from data.transfers.tally import Tally
    from sd_model.judging.episode_scores import score_steps

    episode = load_episode(
        catalog, _said(wanted.episode, "episode", "Choose the episode to look at.")
    )
    curves = {}
    if wanted.detector is not None:
        judge = goalpost.load_detector(wanted.detector, workspace=catalog.workspace.root)
        for task, scores_N in score_steps(judge, episode).items():
            curves[f"detector/{task}"] = scores_N
    if wanted.policy is not None:
        curves["policy/value"] = _expected(catalog, wanted.policy, episode)
    export_rerun(episode, place, curves)
    return Tally(episodes=1, frames=len(episode.steps))


def _expected(catalog: Catalog, policy: str, episode: Episode) -> NDArray[np.float32]:
    """What the policy expected at each step of the episode's own task; NaN where it saw too little.

    Raises:
        InvalidInput: Nobody said what the robot was to do.
    """
    import numpy as np

    import goalpost
    from data.cells.calibration import projections_of
    from data.cells.robots import load_robots
    from policy.acting.values import episode_values
    from policy.experience.trajectory import POLICY_CAMERA

    if episode.info.task is None:
        raise InvalidInput(
            "The episode has no task, so a policy expects nothing of it.",
            where=episode.info.episode_id,
            next_step="Export it without a policy.",
        )
    robot = load_robots(catalog.workspace).get(episode.info.robot)
    projection_34 = None if robot is None else projections_of(robot).get(POLICY_CAMERA)
    actor = goalpost.load_policy(policy, workspace=catalog.workspace.root)
    values_N = np.full(len(episode.steps), np.nan, dtype=np.float32)
    found = episode_values(actor, episode, episode.info.task, projection_34)
    values_N[: len(found)] = found
    return values_N


def _said(value: str | None, what: str, next_step: str) -> str:
    if value is None:
        raise InvalidInput(f"It is not said which {what} this is about.", next_step=next_step)
    return value
