from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.cells.calibration import projections_of
from data.cells.robots import SIMULATED_FLEET
from data.episodes.episodes import Episode
from data.episodes.frames import EncodedFrameSet
from data.episodes.gripper import GripperReading
from data.errors import StorageFull
from data.workspace import Workspace, open_workspace
from policy.config import PolicyConfig, load_recipe
from policy.experience.sight import Projection
from policy.experience.trajectory import POLICY_CAMERA, Trajectory, trajectory_from_episode
from policy.experience.trajectory_store import TrajectoryStore

MakeEpisode = Callable[..., Episode]
SMOKE = load_recipe("smoke")
GROUND = load_recipe("smoke", {"sight": "ground"})
CAMERA: Projection = projections_of(SIMULATED_FLEET[0])[POLICY_CAMERA]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return open_workspace(tmp_path / "workspace")


@pytest.fixture
def episode(make_episode: MakeEpisode) -> Episode:
    """With a gripper that moves over the bin."""
    plain = make_episode(steps=3, task="lift-can")
    steps = tuple(
        replace(
            step,
            frames=replace(step.frames, gripper=GripperReading(0.0, 0.5, t / 20, 0.1, 0.2)),
        )
        for t, step in enumerate(plain.steps)
    )
    return replace(plain, steps=steps)


def equal(one: Trajectory, other: Trajectory) -> bool:
    return (one.episode_id, one.robot, one.task) == (
        other.episode_id,
        other.robot,
        other.task,
    ) and all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("image_THWC", "state_TS", "action_NA")
    )


@pytest.mark.parametrize("config", [SMOKE, GROUND])
def test_a_stored_trajectory_is_the_one_made_from_the_episode(
    workspace: Workspace, episode: Episode, make_episode: MakeEpisode, config: PolicyConfig
) -> None:
    store = TrajectoryStore(workspace, config, {"robot-1": CAMERA})
    longer = replace(episode, info=replace(episode.info, episode_id="another"))
    assert store.add([episode, longer]) == {}
    again = TrajectoryStore(workspace, config, {"robot-1": CAMERA})
    held = again.held([longer.info, episode.info, make_episode(steps=1).info])
    assert set(held) == {episode.info.episode_id, "another"}
    assert len(np.unique(held["another"].image_THWC)) > 3  # it shows something
    for each in (episode, longer):
        made = trajectory_from_episode(each, config, CAMERA)
        assert equal(held[each.info.episode_id], made)


def test_what_cannot_be_used_is_told_and_the_others_are_kept(
    workspace: Workspace, episode: Episode, make_episode: MakeEpisode
) -> None:
    store = TrajectoryStore(workspace, SMOKE, {})
    blind = make_episode(steps=1)
    no_image = replace(blind.steps[0], frames=EncodedFrameSet(jpegs={}, timestamps_ns={}))
    blind = replace(blind, steps=(no_image, blind.steps[1]))
    reasons = store.add([blind, episode])
    assert list(reasons) == [blind.info.episode_id]
    assert "lacks its over_shoulder image" in reasons[blind.info.episode_id]
    assert set(store.held([blind.info, episode.info])) == {episode.info.episode_id}


def test_who_sees_otherwise_has_rows_of_their_own(workspace: Workspace, episode: Episode) -> None:
    cameras = {"robot-1": CAMERA}
    TrajectoryStore(workspace, GROUND, cameras).add([episode])

    def knows(config: PolicyConfig, cameras: dict[str, Projection]) -> bool:
        return bool(TrajectoryStore(workspace, config, cameras).held([episode.info]))

    # What is learned from it, and how, changes nothing that is seen.
    assert knows(replace(GROUND, learning_rate=0.1, strategy="all", image_px=16), cameras)
    assert not knows(replace(GROUND, ground_pixel_mm=5.0), cameras)
    assert not knows(replace(GROUND, frame_width_px=48), cameras)
    assert not knows(SMOKE, cameras)
    assert not knows(GROUND, {"robot-1": CAMERA * 1.01})  # calibrated anew


def test_what_does_not_fit_on_the_disk_is_said_before_it_begins(
    workspace: Workspace, episode: Episode, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = TrajectoryStore(workspace, SMOKE, {})
    row = 32 * 32 * 3 + 2 * 4 + 8 * 4  # image, state, action; an episode of 3 steps has 4 frames
    free = namedtuple("free", ["free"])
    monkeypatch.setattr("shutil.disk_usage", lambda path: free(8 * row))
    store.check_room([episode.info] * 2)
    with pytest.raises(StorageFull, match=r"3 episodes takes 0\.0 GB.*smaller images"):
        store.check_room([episode.info] * 3)


def test_a_deleted_cache_is_made_again_and_readers_keep_theirs(
    workspace: Workspace, episode: Episode
) -> None:
    store = TrajectoryStore(workspace, SMOKE, {})
    store.add([episode])
    before = store.held([episode.info])[episode.info.episode_id]
    for path in workspace.cache.rglob("*"):
        if path.is_file():
            path.unlink()
    assert store.held([episode.info]) == {}
    store.add([episode])
    assert equal(store.held([episode.info])[episode.info.episode_id], before)
