"""ONNX and torch say the same, on frames that the simulator rendered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data.cells.robots import SIMULATED_FLEET
from data.cells.simulated.cell import make_cell
from data.episodes.frames import CAMERAS, Size
from sd_model.artefact import FINDER, load_summary
from sd_model.learning.augmentation import Preprocessing
from sd_model.looking.finder import Finder
from sd_model.serving.onnx_export import export_detector

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


def test_onnx_agrees_with_torch(trained: Any, frames: list[Any], tmp_path: Path) -> None:
    folder = trained.detector.folder
    files = export_detector(folder, tmp_path / "onnx")
    summary = load_summary(folder)
    marks = summary.config.marks
    finder = Finder.load(folder / FINDER, marks=marks) if summary.config.cut_px else None
    looks = Preprocessing(summary.config, finder).keep(frames)

    session = onnxruntime.InferenceSession(files[0], providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    given = dict(zip(names, looks, strict=False))
    [probability_NT] = session.run(None, given)
    assert probability_NT == pytest.approx(trained.detector.score(frames), abs=1e-3)
    [one_1T] = session.run(None, {name: value[:1] for name, value in given.items()})
    assert one_1T == pytest.approx(probability_NT[:1], abs=1e-3)  # any number of frames

    if finder is not None:
        session = onnxruntime.InferenceSession(files[1], providers=["CPUExecutionProvider"])
        [position_NV2] = session.run(None, {"views": looks.whole_NVHWC})
        assert position_NV2 == pytest.approx(finder.find(looks.whole_NVHWC), abs=1e-3)

    described = json.loads(files[-1].read_bytes())
    assert described["tasks"] == list(trained.detector.tasks)
    assert described["thresholds"] == pytest.approx(trained.detector.thresholds)
