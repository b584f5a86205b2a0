from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from data.catalog.catalog import Catalog
from data.episodes.episodes import Episode
from data.episodes.frames import ImageHWC
from data.episodes.index import list_episodes, save_episodes
from data.errors import UnknownName
from data.tasks.changes import define_task, rename_task
from data.tasks.tasks import Task
from data.workspace import open_workspace
from policy.config import load_recipe
from policy.experience.log_replay import LogReplay
from policy.experience.replay import ReplayBuffers
from policy.experience.trajectory_store import TrajectoryStore

MakeEpisode = Callable[..., Episode]
TASKS = ("lift-any", "lift-carrot", "place-any")
CONFIG = load_recipe("smoke")

NOTHING, ANY, CARROT, PLACED = 10, 70, 130, 220
"""Greys of terminal frames, and what the detector below makes of them."""


class GreyDetector:
    """Reads the outcome off the grey of all three views."""

    detector_id = "grey-1"
    tasks = (*TASKS, "lift-can")

    def __init__(self) -> None:
        self.scored: list[int] = []
        self.robots: list[str | None] = []

    def score(
        self, frames: Sequence[Mapping[str, ImageHWC]], robots: Sequence[str | None] | None = None
    ) -> NDArray[np.float32]:
        self.scored.append(len(frames))
        self.robots += robots or []
        grey_N = np.array([np.mean([image.mean() for image in f.values()]) for f in frames])
        lifted = (grey_N > 50) & (grey_N < 180)
        columns = [lifted, lifted & (grey_N > 100), grey_N > 180, np.zeros(len(frames))]
        return np.stack(columns, axis=1).astype(np.float32)

    def decide(self, scores_NT: NDArray[np.float32]) -> NDArray[np.bool_]:
        return scores_NT >= 0.5


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(open_workspace(tmp_path / "workspace"))


@pytest.fixture
def filled(catalog: Catalog, make_episode: MakeEpisode) -> Catalog:
    """Two robots' episodes: nothing, any, carrot for lift-any; carrot for lift-carrot; placed."""
    first = [
        make_episode(steps=2, task="lift-any", terminal_grey=grey)
        for grey in (NOTHING, ANY, CARROT)
    ]
    second = [
        make_episode(steps=3, task="lift-carrot", terminal_grey=CARROT, robot="robot-2"),
        make_episode(steps=3, task="place-any", terminal_grey=PLACED, robot="robot-2"),
    ]
    save_episodes(catalog, first)
    save_episodes(catalog, second)
    return catalog


def counts(table: Mapping[str, object]) -> dict[str, tuple[int, int]]:
    return {task: (c.success, c.failure) for task, c in table.items()}  # type: ignore[attr-defined]


def replayed(
    catalog: Catalog, detector: GreyDetector, strategy: str = "skill", **changes: object
) -> tuple[LogReplay, ReplayBuffers]:
    config = replace(CONFIG, strategy=strategy, **changes)
    return (
        LogReplay(catalog, detector, config, TASKS, seed=0),
        ReplayBuffers(TASKS, config.replay_capacity),
    )


def test_episodes_are_judged_and_impersonated_within_their_skill(filled: Catalog) -> None:
    detector = GreyDetector()
    log_replay, buffers = replayed(filled, detector)
    report = log_replay.fill(buffers)
    assert sorted(map(str, detector.robots)) == sorted(
        each.info.robot for each in list_episodes(filled, kind="robot")
    )
    assert report.episodes == 5
    assert counts(report.commanded) == {
        "lift-any": (2, 1),
        "lift-carrot": (1, 0),
        "place-any": (1, 0),
    }
    assert counts(report.taught) == {
        "lift-any": (3, 1),
        "lift-carrot": (2, 2),
        "place-any": (1, 0),
    }
    assert report.left_out == {}
    assert buffers.episode_counts().tolist() == [[1, 3], [2, 2], [0, 1]]
    assert report.to_dict()["taught"]["lift-carrot"] == {"success": 2, "failure": 2}


def test_it_tells_how_far_it_is_and_can_be_stopped(filled: Catalog) -> None:
    def cancel(done: int, total: int) -> None:
        raise KeyboardInterrupt

    log_replay, buffers = replayed(filled, GreyDetector())
    with pytest.raises(KeyboardInterrupt):
        log_replay.fill(buffers, cancel)
    assert not buffers.episode_counts().any()

    log_replay, buffers = replayed(filled, GreyDetector())
    told: list[tuple[int, int]] = []
    log_replay.fill(buffers, lambda done, total: told.append((done, total)))
    assert told == [(0, 5)]


def test_a_later_training_opens_no_shard(filled: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    def contents(buffers: ReplayBuffers) -> list[tuple[str, bytes, bytes, bytes]]:
        return [
            (t.episode_id, t.image_THWC.tobytes(), t.state_TS.tobytes(), t.action_NA.tobytes())
            for task in range(len(TASKS))
            for success in (False, True)
            for t in buffers.buffer(task, success).trajectories
        ]

    first, first_buffers = replayed(filled, GreyDetector())
    report = first.fill(first_buffers)

    def refuse(path: Path, ids: Sequence[str]) -> list[Episode]:
        raise AssertionError(f"{path} was opened")

    monkeypatch.setattr("policy.experience.log_replay.read_shard", refuse)
    second, second_buffers = replayed(filled, GreyDetector())
    assert second.fill(second_buffers) == report
    assert contents(second_buffers) == contents(first_buffers)


def test_replay_can_be_filled_again_in_the_order_in_which_it_was(
    filled: Catalog, make_episode: MakeEpisode
) -> None:
    first, buffers = replayed(filled, GreyDetector())
    first.fill(buffers)
    late = make_episode(steps=2, task="lift-any", terminal_grey=ANY)
    save_episodes(filled, [late])
    first.fill(buffers)
    order = [trajectory.episode_id for trajectory in first.replayed]
    assert [trajectory.number for trajectory in first.replayed] == list(range(6))

    wanted = ["gone", order[5], order[1], order[0]]
    second, buffers = replayed(filled, GreyDetector())
    assert second.fill(buffers, only=wanted).episodes == 3
    assert [trajectory.episode_id for trajectory in second.replayed] == wanted[1:]
    assert second.fill(buffers).episodes == 3  # the others come with the next filling
    assert {trajectory.episode_id for trajectory in second.replayed} == set(order)


def test_another_detector_scores_what_is_cut_already(filled: Catalog) -> None:
    replayed(filled, GreyDetector())[0].fill(ReplayBuffers(TASKS, 100))
    other = GreyDetector()
    other.detector_id = "grey-2"
    log_replay, buffers = replayed(filled, other)
    assert log_replay.fill(buffers).episodes == 5
    assert other.scored == [5]


def test_what_leaves_the_cache_meanwhile_comes_with_the_next_filling(
    filled: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_replay, buffers = replayed(filled, GreyDetector())
    with monkeypatch.context() as patched:
        patched.setattr(TrajectoryStore, "held", lambda store, infos: {})
        assert log_replay.fill(buffers).episodes == 0
    assert log_replay.fill(buffers).episodes == 5


def test_orig_and_all(filled: Catalog) -> None:
    log_replay, buffers = replayed(filled, GreyDetector(), "orig")
    report = log_replay.fill(buffers)
    assert report.taught == report.commanded
    log_replay, buffers = replayed(filled, GreyDetector(), "all")
    assert counts(log_replay.fill(buffers).taught) == {
        "lift-any": (3, 2),
        "lift-carrot": (2, 3),
        "place-any": (1, 4),
    }


def test_trajectories_are_shared_and_at_the_policys_size(filled: Catalog) -> None:
    log_replay, buffers = replayed(filled, GreyDetector())
    log_replay.fill(buffers)
    carrots = set(buffers.buffer(1, True).trajectories)
    assert carrots < set(buffers.buffer(0, True).trajectories)
    assert {t.image_THWC.shape[1:] for t in carrots} == {(32, 32, 3)}


def test_only_what_is_new_is_read_again(filled: Catalog, make_episode: MakeEpisode) -> None:
    detector = GreyDetector()
    log_replay, buffers = replayed(filled, detector)
    log_replay.fill(buffers)
    assert log_replay.fill(buffers).episodes == 0
    save_episodes(filled, [make_episode(steps=2, task="lift-carrot", terminal_grey=ANY)])
    report = log_replay.fill(buffers)
    assert report.episodes == 1
    assert counts(report.taught)["lift-carrot"] == (0, 1)
    assert detector.scored == [5, 1]
    assert buffers.episode_counts().sum() == 11


def test_a_restart_scores_nothing_again_and_draws_the_same(filled: Catalog) -> None:
    first, first_buffers = replayed(filled, GreyDetector(), "all", p_success=0.5, p_failure=0.5)
    report = first.fill(first_buffers)
    detector = GreyDetector()
    second, second_buffers = replayed(filled, detector, "all", p_success=0.5, p_failure=0.5)
    assert second.fill(second_buffers) == report
    assert detector.scored == []
    assert counts(report.taught) != counts(report.commanded)


def test_many_episodes_are_scored_in_batches(catalog: Catalog, make_episode: MakeEpisode) -> None:
    for _ in range(4):
        save_episodes(catalog, [make_episode(steps=1) for _ in range(20)])
    detector = GreyDetector()
    log_replay, buffers = replayed(catalog, detector)
    assert log_replay.fill(buffers).episodes == 80
    assert detector.scored == [64, 16]


def test_robots_can_be_chosen(filled: Catalog) -> None:
    log_replay = LogReplay(filled, GreyDetector(), CONFIG, TASKS, seed=0, robots=["robot-2"])
    assert log_replay.fill(ReplayBuffers(TASKS, 100)).episodes == 2


def test_a_damaged_shard_is_named_and_the_others_are_used(
    filled: Catalog, make_episode: MakeEpisode
) -> None:
    path = save_episodes(filled, [make_episode(steps=1), make_episode(steps=1)])
    path.write_bytes(path.read_bytes()[:-100])
    log_replay, buffers = replayed(filled, GreyDetector())
    report = log_replay.fill(buffers)
    assert report.episodes == 5
    assert len(report.left_out) == 2
    assert all(path.name in reason for reason in report.left_out.values())


def test_an_episode_that_cannot_be_judged_is_named_and_left_out(
    filled: Catalog, make_episode: MakeEpisode
) -> None:
    whole = make_episode(steps=2)
    last = whole.steps[-1]
    one_view = {"over_shoulder": last.frames.jpegs["over_shoulder"]}
    blind = replace(
        whole,
        steps=(
            *whole.steps[:-1],
            replace(last, frames=replace(last.frames, jpegs=one_view)),
        ),
    )
    lost_task = make_episode(steps=2, task="lift-spoon")
    save_episodes(filled, [blind, lost_task])
    log_replay, buffers = replayed(filled, GreyDetector())
    report = log_replay.fill(buffers)
    assert report.episodes == 5
    assert "lacks left, right" in report.left_out[blind.info.episode_id]
    assert "Unknown task 'lift-spoon'" in report.left_out[lost_task.info.episode_id]


def test_an_episode_of_another_task_of_the_skill_counts_as_taught_only(
    catalog: Catalog, make_episode: MakeEpisode
) -> None:
    save_episodes(catalog, [make_episode(steps=2, task="lift-milk", terminal_grey=CARROT)])
    log_replay, buffers = replayed(catalog, GreyDetector())
    report = log_replay.fill(buffers)
    assert counts(report.commanded) == dict.fromkeys(TASKS, (0, 0))
    assert counts(report.taught)["lift-carrot"] == (1, 0)


def test_what_the_simulator_does_not_know_is_no_failure(
    catalog: Catalog, make_episode: MakeEpisode
) -> None:
    known = make_episode(steps=2, truth={"lift-any": True, "lift-carrot": False})
    partly = make_episode(steps=2, truth={"lift-any": False})
    save_episodes(catalog, [known, partly, make_episode(steps=2, truth={})])
    log_replay = LogReplay(catalog, None, CONFIG, TASKS, seed=0)
    report = log_replay.fill(ReplayBuffers(TASKS, 100))
    assert (report.episodes, report.teaching) == (3, 2)
    assert counts(report.taught) == {
        "lift-any": (1, 1),
        "lift-carrot": (0, 1),
        "place-any": (0, 0),
    }


def test_a_detector_judges_a_task_that_was_renamed_after_its_training(
    catalog: Catalog, make_episode: MakeEpisode
) -> None:
    class OldNames(GreyDetector):
        tasks = ("lift-any", "lift-cup", "place-any", "lift-can")

    define_task(catalog, Task(name="lift-cup", skill="lift"))
    save_episodes(catalog, [make_episode(steps=2, task="lift-cup", terminal_grey=CARROT)])
    rename_task(catalog, "lift-cup", "lift-mug")
    log_replay = LogReplay(catalog, OldNames(), CONFIG, ["lift-mug"], seed=0)
    assert counts(log_replay.fill(ReplayBuffers(["lift-mug"], 100)).taught) == {"lift-mug": (1, 0)}


def test_a_picture_without_actions_is_not_even_read(
    catalog: Catalog, make_episode: MakeEpisode, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = make_episode(steps=0)
    save_episodes(catalog, [picture])

    def refuse(path: Path, ids: Sequence[str]) -> list[Episode]:
        raise AssertionError(f"{path} was opened")

    monkeypatch.setattr("policy.experience.log_replay.read_shard", refuse)
    log_replay, buffers = replayed(catalog, GreyDetector())
    report = log_replay.fill(buffers)
    assert report.episodes == 0
    assert "has no action" in report.left_out[picture.info.episode_id]


def test_a_task_the_detector_does_not_judge_is_refused(catalog: Catalog) -> None:
    with pytest.raises(UnknownName, match="detector grey-1"):
        LogReplay(catalog, GreyDetector(), CONFIG, ["lift-milk"], seed=0)
    with pytest.raises(UnknownName, match="Did you mean 'lift-carrot'"):
        LogReplay(catalog, GreyDetector(), CONFIG, ["lift-carot"], seed=0)
