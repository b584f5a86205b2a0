from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from data.errors import InvalidInput
from sd_model.config import load_recipe
from sd_model.examples.dataset import StoredLooks
from sd_model.judging.report_files import load_report
from sd_model.learning.network import build_network
from sd_model.learning.training import learning_rate, train, update_average

if TYPE_CHECKING:
    from conftest import Recorder, SquareWorld, Trained


def test_the_rate_rises_and_falls() -> None:
    config = load_recipe("smoke", {"steps": 100, "learning_rate": 0.01, "warmup_share": 0.1})

    assert learning_rate(0, config) == pytest.approx(0.001)
    assert learning_rate(9, config) == pytest.approx(0.01)
    assert learning_rate(55, config) == pytest.approx(0.005)
    assert learning_rate(99, config) < 0.0001


def test_the_average_follows_weights_and_copies_statistics() -> None:
    config = load_recipe("smoke")
    average = build_network(config, 2, seed=0, device=torch.device("cpu"))
    network = build_network(config, 2, seed=1, device=torch.device("cpu"))
    network.trunk[1].running_mean.fill_(3.0)
    before = average.trunk[0].weight.detach().clone()

    update_average(average, network, 0.9)

    torch.testing.assert_close(
        average.trunk[0].weight, 0.9 * before + 0.1 * network.trunk[0].weight
    )
    assert torch.all(average.trunk[1].running_mean == 3.0)


def test_it_learns_and_judges_a_robot_it_has_never_seen(trained: Trained) -> None:
    losses = [values["loss"] for _, values in trained.recorder.lines]
    report = load_report(trained.detector.folder)
    holdout = {cell.task: cell.metrics for cell in report.cells if cell.split == "holdout"}

    assert losses[-1] < 0.5 * losses[0]
    assert holdout.keys() == {"show-any", "show-green", "show-red"}
    for task, metrics in holdout.items():
        assert metrics.auc is not None, task
        assert metrics.auc > 0.95, task
    assert trained.recorder.fractions == sorted(trained.recorder.fractions)
    assert trained.recorder.fractions[-1] == 1.0


def test_the_folder_is_complete(trained: Trained) -> None:
    assert {path.name for path in trained.detector.folder.iterdir()} == {
        "weights.safetensors", "robots.safetensors", "config.json", "manifest.parquet",
        "thresholds.json", "scores.parquet", "report.json", "report.html", "report.csv",
    }  # fmt: skip


class Killed(Exception):
    """Stands for kill -9: nothing between it and the process's end."""


def test_a_killed_training_ends_with_the_weights_of_one_that_was_not(
    world: SquareWorld, recorder: Recorder, tiny: dict[str, Any]
) -> None:
    world.record(["robot-1"], scenes=6, steps=1)
    config = load_recipe("smoke", tiny)
    manifest = world.manifest("whole")
    folders = {name: world.workspace.detectors / name for name in ("whole", "killed")}

    def run(name: str) -> None:
        train(
            manifest,
            config,
            folders[name],
            workspace=world.workspace,
            report=recorder,
            seed=3,
            device="cpu",
        )

    def kill(step: int) -> None:
        if step == 5:
            raise Killed

    run("whole")
    recorder.before = kill
    with pytest.raises(Killed):
        run("killed")
    recorder.before = lambda step: None
    assert not (folders["killed"] / "config.json").exists()
    recorder.lines.clear()
    run("killed")

    assert [step for step, _ in recorder.lines] == [5, 6]  # the last checkpoint was at 4
    weights = [load_file(folder / "weights.safetensors") for folder in folders.values()]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not list(world.workspace.detectors.glob("*/checkpoint*"))
    assert not [t for t in threading.enumerate() if t.name.startswith("augmentation")]


def test_training_itself_refuses_frames_of_the_holdout(
    world: SquareWorld, recorder: Recorder, tiny: dict[str, Any]
) -> None:
    world.record(["robot-1", "robot-2"], scenes=6, steps=1)
    manifest = world.manifest("m", holdout=["robot-2"])
    leaking = replace(
        manifest,
        examples=tuple(replace(row, split="train") for row in manifest.examples),
    )

    with pytest.raises(InvalidInput, match=r"would have reached its training: robot-2"):
        train(
            leaking,
            load_recipe("smoke", tiny),
            world.workspace.detectors / "leak",
            workspace=world.workspace,
            report=recorder,
            seed=0,
            device="cpu",
        )

    assert recorder.lines == []


def test_no_pixel_of_the_holdout_reaches_an_update(
    world: SquareWorld,
    recorder: Recorder,
    tiny: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two worlds that differ only in the holdout's pictures give the very same weights."""
    world.record(["robot-1"], scenes=6, steps=1)
    world.record(["robot-2"], scenes=3, steps=1)
    manifest = world.manifest("m", holdout=["robot-2"])
    weights = []
    for name, flip in (("as-it-is", 0), ("inverted", 255)):

        class Flipped(StoredLooks):
            def whole(self, indices: NDArray[np.intp], flip: int = flip) -> NDArray[np.uint8]:
                whole_NVHWC = np.array(super().whole(indices))
                whole_NVHWC[self._frames.split_F[indices] == "holdout"] ^= np.uint8(flip)
                return whole_NVHWC

        monkeypatch.setattr("sd_model.learning.training.StoredLooks", Flipped)
        train(
            manifest,
            load_recipe("smoke", tiny),
            world.workspace.detectors / name,
            workspace=world.workspace,
            report=recorder,
            seed=0,
            device="cpu",
        )
        weights.append(load_file(world.workspace.detectors / name / "weights.safetensors"))

    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
