"""Workspaces with known content, for the pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from data.catalog.catalog import Catalog
from data.episodes.episodes import Episode, EpisodeInfo, Step
from data.episodes.frames import CAMERAS, EncodedFrameSet, encode_jpeg
from data.episodes.index import save_episodes
from data.labels.labels import Label, append_labels
from data.tasks.store import load_tasks
from data.tasks.tasks import Outcome
from data.workspace import Workspace, open_workspace
from policy import artefact as policy_artefact
from policy.config import load_recipe as load_policy_recipe
from sd_model.artefact import DetectorSummary, save_summary
from sd_model.config import load_recipe
from sd_model.judging.report_files import write_report
from sd_model.judging.scores import as_table, save_scores
from sd_model.judging.thresholds import Threshold

NOW_NS = 1_790_000_000_000_000_000
_GREY = encode_jpeg(np.full((8, 8, 3), 128, dtype=np.uint8))
_OUTCOMES: tuple[Outcome, Outcome] = ("success", "failure")


@dataclass
class World:
    """A workspace and what tests put into it."""

    workspace: Workspace
    catalog: Catalog

    def record_pair(self, robot: str, task: str, *, number: int = 0, steps: int = 2) -> None:
        """A clip of success and one of failure, `steps` frames each, with their labels."""
        clips = [
            self._episode(
                f"clip-{robot}-{task}-{number}-{outcome}", robot, task, outcome, steps=steps
            )
            for outcome in _OUTCOMES
        ]
        save_episodes(self.catalog, clips)
        append_labels(
            self.catalog,
            [
                self._label(clip, task, outcome, None)
                for clip, outcome in zip(clips, _OUTCOMES, strict=True)
            ],
        )

    def act(
        self,
        robot: str,
        task: str,
        *,
        number: int = 0,
        labelled: bool = True,
        truth: Mapping[str, bool] | None = None,
        behaviour: str = "scripted-pick",
    ) -> None:
        """A robot episode that failed at `task`; a simulated one has a `truth`."""
        episode = self._episode(
            f"robot-{robot}-{task}-{number}", robot, task, None, truth, behaviour=behaviour
        )
        save_episodes(self.catalog, [episode])
        if labelled:
            append_labels(self.catalog, [self._label(episode, task, "failure", 1)])

    def add_detector(
        self,
        name: str,
        tasks: Sequence[str],
        *,
        successes: int = 2,
        failures: int = 4,
        false_positives: int = 0,
        holdout: str = "robot-7",
        created_at_ns: int = NOW_NS,
    ) -> DetectorSummary:
        """A detector that saw every held-out success and took some failures for success."""
        folder = self.workspace.detectors / name
        folder.mkdir()
        known = load_tasks(self.workspace).only(tasks)
        threshold = Threshold(
            value=0.5, way="balanced", failures=3, false_positives=0, bound=0.5, needed=45
        )
        summary = DetectorSummary(
            detector_id=name,
            folder=folder,
            tasks=known,
            holdout=(holdout,),
            created_at_ns=created_at_ns,
            config=load_recipe("smoke", {}),
            thresholds=dict.fromkeys(known.names, threshold),
            seed=0,
            manifest_digest="",
        )
        save_summary(summary)
        rows = [
            self._judged(holdout, task, outcome, number, wrong)
            for task in tasks
            for outcome, count in (("success", successes), ("failure", failures))
            for number in range(count)
            for wrong in (outcome == "failure" and number < false_positives,)
        ]
        save_scores(folder, as_table(pd.DataFrame(rows)))
        write_report(summary, SimpleNamespace(warnings=(), examples=(), tasks=known))  # type: ignore[arg-type]
        return summary

    def add_policy(
        self,
        name: str,
        task: str,
        *,
        detector: str = "first",
        successes: int = 5,
        attempts: int = 10,
        interval: tuple[float, float] = (0.24, 0.76),
        from_policy: str | None = None,
    ) -> Path:
        """The describing files of a trained policy."""
        folder = self.workspace.policies / name
        rate = {
            "attempts": attempts,
            "successes": successes,
            "rate": successes / attempts,
            "low": interval[0],
            "high": interval[1],
            "judged": attempts,
            "false_positives": 0,
            "false_negatives": 0,
        }
        policy_artefact.save_summary(
            folder,
            tasks=(task,),
            config=load_policy_recipe("smoke"),
            created_at_ns=NOW_NS + len(list(self.workspace.policies.iterdir())),
            lineage={
                "detector": detector,
                "strategy": "skill",
                "from_policy": from_policy,
                "updates": 300,
            },
        )
        policy_artefact.save_evaluation(folder, {"by_task": {task: rate}})
        return folder

    def _episode(
        self,
        name: str,
        robot: str,
        task: str,
        outcome: Outcome | None,
        truth: Mapping[str, bool] | None = None,
        steps: int = 2,
        behaviour: str = "scripted-pick",
    ) -> Episode:
        frames = EncodedFrameSet(
            jpegs=dict.fromkeys(CAMERAS, _GREY), timestamps_ns=dict.fromkeys(CAMERAS, NOW_NS)
        )
        info = EpisodeInfo(
            episode_id=name,
            robot=robot,
            kind="clip" if outcome else "robot",
            behaviour="person" if outcome else behaviour,
            task=task,
            outcome=outcome,
            pair_id=name.rsplit("-", 1)[0] if outcome else None,
            recorded_at_ns=NOW_NS,
            step_count=steps,
            truth=truth,
        )
        return Episode(info=info, steps=(Step(frames=frames),) * steps)

    def _label(
        self, episode: Episode, task: str, outcome: Outcome, frame_index: int | None
    ) -> Label:
        return Label(
            label_id=f"label-{episode.info.episode_id}",
            episode_id=episode.info.episode_id,
            frame_index=frame_index,
            task=task,
            outcome=outcome,
            by="ana",
            source="clip" if frame_index is None else "person",
            at_ns=NOW_NS,
        )

    def _judged(
        self, robot: str, task: str, outcome: str, number: int, wrong: bool
    ) -> dict[str, object]:
        return {
            "episode_id": f"{task}-{outcome}-{number}",
            "frame_index": 0,
            "shard": "",
            "robot": robot,
            "kind": "clip",
            "split": "holdout",
            "recorded_at_ns": NOW_NS,
            "shown_task": task,
            "task": task,
            "outcome": outcome,
            "origin": "labelled",
            "from_task": task,
            "label_id": "",
            "source": "clip",
            "score": 0.9 if (outcome == "success") != wrong else 0.1,
            "decision": (outcome == "success") != wrong,
        }


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take longer to run a page than the three seconds AppTest grants."""
    patient = partial(AppTest.from_function, default_timeout=60)
    monkeypatch.setattr(AppTest, "from_function", patient)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A new workspace, which is also the one that pages open."""
    workspace = open_workspace(tmp_path / "workspace")
    monkeypatch.setenv("GOALPOST_WORKSPACE", str(workspace.root))
    return World(workspace, Catalog(workspace))
