"""A short fault campaign: thirty kills, and nothing lost. The long one is run by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONG = ("labelling", "review", "collecting", "detector-training", "policy-training")
"""Killed in test_kills.py and test_labelling.py, and by the long campaign; slow to start again."""


@pytest.mark.end_to_end
@pytest.mark.timeout(600)
def test_thirty_kills_lose_nothing(tmp_path: Path) -> None:
    results = tmp_path / "faults.json"
    subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.fault_campaign", "--kills", "30", "--seed", "7"),
            *("--folder", str(tmp_path / "campaign"), "--results", str(results)),
            *(word for name in LONG for word in ("--without", name)),
        ],
        cwd=ROOT,
        check=True,
    )
    told = json.loads(results.read_bytes())
    assert told["kills"] == 30 == sum(told["by_activity"].values())
    assert told["complaints"] == []
    lost = ("labels_lost", "labels_doubled", "clips_lost", "runs_lost", "damaged_files")
    assert {name: told[name] for name in lost} == dict.fromkeys(lost, 0)
    assert told["clip_loss_s_max"] <= 1.0
