from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from data.errors import UnknownName
from sd_model.artefact import detector_folder, list_detectors

if TYPE_CHECKING:
    from conftest import SquareWorld, Trained


def test_finished_detectors_are_listed(trained: Trained) -> None:
    workspace = trained.world.workspace
    (workspace.detectors / "half-trained").mkdir(exist_ok=True)
    (workspace.detectors / "broken").mkdir(exist_ok=True)
    (workspace.detectors / "broken" / "config.json").write_text("{")

    found = list_detectors(workspace)

    assert [each.detector_id for each in found] == ["squares"]
    assert found[0].holdout == ("robot-4",)
    assert found[0].tasks.names == trained.detector.tasks
    assert found[0].manifest_digest == trained.manifest.digest


def test_an_unknown_detector_is_named(trained: Trained, world: SquareWorld) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'squares'"):
        detector_folder(trained.world.workspace, "square")
    with pytest.raises(UnknownName, match="none yet"):
        detector_folder(world.workspace, "square")


def test_listing_needs_neither_torch_nor_a_database() -> None:
    code = (
        "import sys, sd_model.judging.detector, sd_model.judging.scores, sd_model.judging.report\n"
        "print(sorted({'torch', 'duckdb', 'albumentations'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
