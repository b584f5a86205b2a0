"""What the real `lerobot` library makes of an export; runs where the library is installed.

It is large and asks for other versions than Goalpost, so it lives in an environment of its own:
`GOALPOST_LEROBOT_PYTHON` names that environment's interpreter.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.catalog.catalog import Catalog
from data.episodes.index import save_episodes
from data.exporters.choice import Choice
from data.exporters.lerobot import export_lerobot, labelled_outcomes
from data.labels.labels import append_labels

PYTHON = os.environ.get("GOALPOST_LEROBOT_PYTHON") or (
    sys.executable if importlib.util.find_spec("lerobot") else None
)

pytestmark = pytest.mark.skipif(
    PYTHON is None, reason="lerobot is not installed; GOALPOST_LEROBOT_PYTHON names where it is"
)

SCRIPT = Path(__file__).with_name("lerobot_reader.py")


@pytest.mark.parametrize("kind", ["clip", "robot"])
@pytest.mark.parametrize("as_video", [True, False], ids=["video", "images"])
def test_the_library_loads_iterates_and_trains(
    kind: str, as_video: bool, catalog: Catalog, make_episode: Any, make_label: Any, tmp_path: Path
) -> None:
    episodes = [
        make_episode(kind, steps=5, size=(96, 96)),
        make_episode(kind, steps=4, size=(96, 96)),
    ]
    save_episodes(catalog, episodes)
    append_labels(
        catalog,
        [
            make_label(
                each, outcome, frame_index=None if kind == "clip" else each.info.step_count - 1
            )
            for each, outcome in zip(episodes, ("success", "failure"), strict=True)
        ],
    )
    folder = tmp_path / "dataset"
    export_lerobot(
        catalog,
        folder,
        Choice(kind=kind),
        outcomes=labelled_outcomes(catalog),
        as_video=as_video,
    )
    result = subprocess.run(
        [str(PYTHON), str(SCRIPT), str(folder), kind],
        capture_output=True,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")},
    )
    assert result.returncode == 0, result.stderr[-3000:]
    seen = json.loads(result.stdout.splitlines()[-1])
    assert (seen["episodes"], seen["frames"]) == (2, 9)
    assert seen["rewards"] == (
        [1.0] * 5 + [0.0] * 4 if kind == "clip" else [0.0] * 3 + [1.0, 1.0] + [0.0] * 4
    )
    stored = [
        np.asarray(step.frames.decode().images["over_shoulder"], dtype=np.float64).mean() / 255
        for episode in episodes
        for step in episode.steps
    ]
    assert seen["means"] == pytest.approx(stored, abs=0.02)
    assert np.isfinite(seen["loss"])
