"""The second look binds a colour to a place: what is elsewhere in the picture does not count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from data.labels.sightings import Sighting, write_sightings
from sd_model.config import load_recipe
from sd_model.judging.detector import Detector
from sd_model.judging.scores import load_scores
from sd_model.learning.training import possible_looks, train

if TYPE_CHECKING:
    from conftest import MarkerWorld, Recorder, SquareWorld

LOOKS = {
    "cut_px": 24, "cut_share": 0.15, "cut_stages": [[2, 1, 3], [2, 1, 3]], "jaws_weight": 0.3,
}  # fmt: skip


def train_on(
    world: SquareWorld, name: str, recorder: Recorder, settings: dict[str, Any]
) -> Detector:
    config = load_recipe("smoke", settings)
    return train(
        world.manifest(name, holdout=["robot-3"], config=config), config,
        world.workspace.detectors / name, workspace=world.workspace, report=recorder, seed=0,
        device="cpu",
    )  # fmt: skip


def test_the_colour_inside_the_marker_decides(
    marker_world: MarkerWorld, recorder: Recorder
) -> None:
    world = marker_world
    world.record(["robot-1", "robot-2", "robot-3"], scenes=24, steps=3)
    settings = LOOKS | {"steps": 120, "finder_updates": 240}

    detector = train_on(world, "binding", recorder, settings)

    scores = load_scores(detector.folder)
    judged = scores[scores["split"] == "holdout"]
    wrong = (judged["score"] >= 0.5) != (judged["outcome"] == "success")
    assert len(judged) == 3 * 3 * 24 * 3
    assert wrong.mean() < 0.05
    again = Detector.load(detector.folder)
    images = [world.images("robot-3", shown, np.random.default_rng(7)) for shown in ("red", "none")]
    assert again.decide(again.score(images)).tolist() == [[True, False, True], [False] * 3]


def test_without_readings_there_is_no_second_look(
    world: SquareWorld, recorder: Recorder, tiny: dict[str, Any]
) -> None:
    world.record(["robot-1", "robot-3"], scenes=6, steps=1)

    detector = train_on(world, "blind", recorder, tiny | LOOKS)

    assert not (detector.folder / "finder.safetensors").exists()
    assert detector.score([world.images("robot-1", "red", np.random.default_rng(0))]).shape == (
        1,
        3,
    )


def test_people_s_pointing_teaches_the_second_look_where_robots_say_nothing(
    world: SquareWorld, recorder: Recorder, tiny: dict[str, Any]
) -> None:
    world.record(["robot-1", "robot-3"], scenes=20, steps=1)
    write_sightings(
        world.catalog,
        [
            Sighting(
                robot="robot-1", episode_id=f"robot-1-{shown}-{number:03d}", frame_index=0,
                camera="left", mark="gripper", position=(0.3, 0.6), by="ana", at_ns=1,
            )
            for shown in ("red", "green", "none")
            for number in range(20)
        ],
    )  # fmt: skip

    detector = train_on(world, "shown", recorder, tiny | LOOKS | {"finder_updates": 2})

    assert (detector.folder / "finder.safetensors").exists()
    images = [world.images("robot-1", "red", np.random.default_rng(0))]
    assert detector.score(images).shape == (1, 3)


def test_only_looks_whose_place_is_known_are_taken(recorder: Recorder) -> None:
    config = load_recipe("smoke", LOOKS | {"place_px": 48})
    position_FMV2 = np.full((100, 2, 3, 2), 0.5, dtype=np.float32)

    assert possible_looks(config, position_FMV2, recorder) == config
    position_FMV2[15:, 1] = np.nan  # few frames show where the place is
    without_place = possible_looks(config, position_FMV2, recorder)
    assert (without_place.cut_px, without_place.place_px) == (24, 0)
    position_FMV2[15:, 0] = np.nan
    without = possible_looks(config, position_FMV2, recorder)
    assert (without.cut_px, without.place_px) == (0, 0)


def test_a_finder_that_was_trained_before_the_kill_is_kept(
    marker_world: MarkerWorld,
    recorder: Recorder,
    tiny: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = marker_world
    world.record(["robot-1", "robot-3"], scenes=16, steps=2)
    settings = tiny | LOOKS | {"finder_updates": 4}
    config = load_recipe("smoke", settings)
    manifest = world.manifest("killed", holdout=["robot-3"], config=config)
    folder = world.workspace.detectors / "killed"

    def run() -> None:
        train(
            manifest, config, folder, workspace=world.workspace, report=recorder, seed=0,
            device="cpu",
        )  # fmt: skip

    def kill(step: int) -> None:
        raise KeyboardInterrupt

    recorder.before = kill
    with pytest.raises(KeyboardInterrupt):
        run()
    recorder.before = lambda step: None
    finder = load_file(folder / "finder.safetensors")
    monkeypatch.setattr("sd_model.learning.training.train_finder", None)  # not needed again
    run()

    again = load_file(folder / "finder.safetensors")
    assert all(torch.equal(finder[name], again[name]) for name in finder)
