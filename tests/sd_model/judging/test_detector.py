from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.special import logit

from data.episodes.frames import Size, resize
from data.errors import CorruptData, InvalidInput
from sd_model.judging.detector import Detector

if TYPE_CHECKING:
    from conftest import Trained


@pytest.fixture
def folder(trained: Trained, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained.detector.folder, tmp_path / "copy"))


def test_it_judges_frames_of_any_size(trained: Trained) -> None:
    generator = np.random.default_rng(0)
    shown = ["red", "green", "none"] * 4
    frames = [trained.world.images("robot-4", colour, generator) for colour in shown]
    frames[0] = {camera: resize(image, Size(320, 240)) for camera, image in frames[0].items()}

    scores_NT = trained.detector.score(frames)
    decisions_NT = trained.detector.decide(scores_NT)

    assert scores_NT.shape == (12, 3)
    assert scores_NT.dtype == np.float32
    assert trained.detector.tasks == ("show-any", "show-green", "show-red")
    expected = {"red": [True, False, True], "green": [True, True, False], "none": [False] * 3}
    assert decisions_NT.tolist() == [expected[colour] for colour in shown]


def test_it_says_which_scores_are_too_close_to_call(trained: Trained) -> None:
    scores_NT = np.array([[0.99, 0.01, 0.6]], dtype=np.float32)

    assert trained.detector.unsure(scores_NT).tolist() == [[False, False, True]]
    with pytest.raises(InvalidInput, match="not of this detector's tasks"):
        trained.detector.unsure(scores_NT[:, :2])


def test_a_score_does_not_depend_on_its_neighbours(trained: Trained) -> None:
    generator = np.random.default_rng(1)
    frames = [trained.world.images("robot-9", "red", generator) for _ in range(70)]

    together = trained.detector.score(frames)
    alone = trained.detector.score(frames[69:])

    np.testing.assert_allclose(together[69:], alone, atol=1e-5)


def test_a_loaded_detector_is_the_trained_one(trained: Trained, folder: Path) -> None:
    frames = [trained.world.images("robot-4", "red", np.random.default_rng(2))]

    loaded = Detector.load(folder)

    np.testing.assert_array_equal(loaded.score(frames), trained.detector.score(frames))
    assert loaded.thresholds == trained.detector.thresholds
    assert loaded.detector_id == "squares"


def test_a_robot_that_was_met_is_looked_at_as_its_pictures_ask_for(trained: Trained) -> None:
    generator = np.random.default_rng(3)
    frames = [trained.world.images("robot-4", "red", generator) for _ in range(3)]

    assert "robot-4" in trained.detector.robots  # held out: met by its pictures alone
    # The surest of the three scores, in logits: there a small difference shows.
    together, met, unmet = (
        logit(trained.detector.score(frames, robots)[:, 1])
        for robots in (["robot-4", None, "robot-99"], ["robot-4"] * 3, None)
    )

    np.testing.assert_allclose(together, [met[0], unmet[1], unmet[2]], atol=1e-3)
    assert np.abs(met - unmet).min() > 0.01


def test_robots_are_named_for_every_frame_or_for_none(trained: Trained) -> None:
    frames = [trained.world.images("robot-4", "red", np.random.default_rng(3))] * 2

    with pytest.raises(InvalidInput, match="2 frames, and robots of 1"):
        trained.detector.score(frames, ["robot-4"])


def test_no_frames_have_no_scores(trained: Trained) -> None:
    scores_NT = trained.detector.score([])

    assert scores_NT.shape == (0, 3)
    assert trained.detector.decide(scores_NT).shape == (0, 3)


def test_every_task_has_its_own_threshold(folder: Path) -> None:
    content = json.loads((folder / "thresholds.json").read_text())
    for task, value in (("show-any", 0.2), ("show-green", 0.9), ("show-red", 0.5)):
        content["thresholds"][task]["value"] = value
    (folder / "thresholds.json").write_text(json.dumps(content))

    decisions = Detector.load(folder).decide(np.full((1, 3), 0.5, dtype=np.float32))

    assert decisions.tolist() == [[True, False, True]]


def test_a_missing_camera_is_refused(trained: Trained) -> None:
    images = trained.world.images("robot-4", "red", np.random.default_rng(0))
    del images["left"]

    with pytest.raises(InvalidInput, match="'left'"):
        trained.detector.score([images])


def test_scores_of_another_detector_are_refused(trained: Trained) -> None:
    with pytest.raises(InvalidInput, match=r"\(1, 12\)"):
        trained.detector.decide(np.zeros((1, 12), dtype=np.float32))


@pytest.mark.parametrize(
    "name", ["config.json", "thresholds.json", "weights.safetensors", "robots.safetensors"]
)
@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_a_damaged_folder_says_so(folder: Path, name: str, damage: str) -> None:
    path = folder / name
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:50])

    with pytest.raises(CorruptData) as caught:
        Detector.load(folder)

    assert str(folder) in str(caught.value)
    assert "Next:" in str(caught.value)


def test_a_newer_format_says_so(folder: Path) -> None:
    content = json.loads((folder / "config.json").read_text())
    content["format"] = 99
    (folder / "config.json").write_text(json.dumps(content))

    with pytest.raises(CorruptData, match=r"format 99.*Update Goalpost"):
        Detector.load(folder)
