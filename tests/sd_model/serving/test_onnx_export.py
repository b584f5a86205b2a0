"""ONNX and torch say the same, on frames that the simulator rendered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from data.cells.robots import SIMULATED_FLEET
from data.cells.simulated.cell import make_cell
from data.episodes.frames import CAMERAS, Size
from data.errors import UnknownName
from data.tasks.tasks import SEED_TASKS
from sd_model.artefact import (
    FINDER,
    ROBOTS,
    WEIGHTS,
    DetectorSummary,
    load_summary,
    save_summary,
)
from sd_model.config import load_recipe
from sd_model.judging.detector import Detector
from sd_model.judging.thresholds import Threshold
from sd_model.learning.acquaintance import save_acquaintances, statistics_of
from sd_model.learning.augmentation import Preprocessing
from sd_model.learning.network import build_network
from sd_model.looking.finder import Finder, FinderNetwork
from sd_model.serving.onnx_export import export_detector
from sd_model.tensors import save_weights

onnxruntime = pytest.importorskip("onnxruntime")

# onnxscript and torch.export warn about their own insides, and take their time on a busy machine.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def frames() -> list[Any]:
    cell = make_cell(SIMULATED_FLEET[0])
    try:
        found = []
        for seed in range(3):
            cell.new_scene(seed)
            found.append(cell.read(dict.fromkeys(CAMERAS, Size(320, 256))).images)
        return found
    finally:
        cell.close()


@pytest.fixture
def detector(tmp_path: Path) -> Detector:
    """Of the size of a trained one, with a finder and both closer looks; its weights are drawn."""
    config = load_recipe("cpu", {"place_px": 48})
    folder = tmp_path / "detector"
    cpu = torch.device("cpu")
    network = build_network(config, len(SEED_TASKS), seed=0, device=cpu)
    save_weights(folder / WEIGHTS, network)
    shifted = {
        name: value + 0.1 if name.endswith("mean") else value
        for name, value in statistics_of(network).items()
    }
    save_acquaintances(folder / ROBOTS, {"robot-1": shifted})
    Finder(FinderNetwork(config.marks), cpu).save(folder / FINDER, {})
    chosen = Threshold(value=0.5, way="default", failures=0, false_positives=0, needed=0, bound=1.0)
    save_summary(
        DetectorSummary(
            detector_id="drawn", folder=folder, tasks=SEED_TASKS, holdout=(), created_at_ns=1,
            config=config, thresholds=dict.fromkeys(SEED_TASKS.names, chosen), seed=0,
            manifest_digest="",
        )
    )  # fmt: skip
    return Detector.load(folder)


def test_onnx_agrees_with_torch(detector: Detector, frames: list[Any], tmp_path: Path) -> None:
    files = export_detector(detector.folder, tmp_path / "onnx", robot="robot-1")
    summary = load_summary(detector.folder)
    finder = Finder.load(detector.folder / FINDER, marks=summary.config.marks)
    looks = Preprocessing(summary.config, finder).keep(frames)

    session = onnxruntime.InferenceSession(files[0], providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    assert names == ["views", "cuts", "places"]
    given = dict(zip(names, looks, strict=True))
    [probability_NT] = session.run(None, given)
    assert probability_NT.std() > 1e-4  # or the comparison would say nothing
    assert probability_NT == pytest.approx(detector.score(frames, ["robot-1"] * 3), abs=1e-3)
    assert abs(probability_NT - detector.score(frames)).max() > 2e-3
    [one_1T] = session.run(None, {name: value[:1] for name, value in given.items()})
    assert one_1T == pytest.approx(probability_NT[:1], abs=1e-3)  # any number of frames

    session = onnxruntime.InferenceSession(files[1], providers=["CPUExecutionProvider"])
    [position_NMV2] = session.run(None, {"views": looks.whole_NVHWC})
    assert position_NMV2 == pytest.approx(finder.find(looks.whole_NVHWC), abs=1e-3)

    described = json.loads(files[-1].read_bytes())
    assert described["robot"] == "robot-1"
    assert described["tasks"] == list(detector.tasks)
    assert described["thresholds"] == pytest.approx(detector.thresholds)


def test_a_robot_that_was_not_met_is_refused(detector: Detector, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="robot-9"):
        export_detector(detector.folder, tmp_path / "onnx", robot="robot-9")
