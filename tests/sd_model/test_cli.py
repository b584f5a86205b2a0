from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from data.runs.runs import create_run
from sd_model.cli import sd
from sd_model.judging.score_cache import ScoreCache
from sd_model.run import execute_run

if TYPE_CHECKING:
    from conftest import SquareWorld, Trained


def invoke(world: SquareWorld, *arguments: str) -> Result:
    return CliRunner().invoke(sd, ["--workspace", str(world.workspace.root), *arguments])


def test_train_prints_the_report(world: SquareWorld, tiny: dict[str, Any]) -> None:
    world.record(["robot-1", "robot-2"], scenes=6, steps=1)
    settings = [f"--set={key}={json.dumps(value)}" for key, value in tiny.items()]

    done = invoke(world, "train", "--recipe", "smoke", "--holdout", "robot-2", *settings)

    assert done.exit_code == 0, done.output
    assert "robot-2 (holdout)" in done.output
    assert "Detector: " in done.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "--recipe", "smok"], "Did you mean 'smoke'"),
        (["train", "--recipe", "smoke", "--set", "stepz=4"], "Did you mean 'steps'"),
        (["train", "--recipe", "smoke", "--set", "steps"], "KEY=VALUE"),
        (["train", "--recipe", "smoke"], "no labels yet"),
        (["report", "nothing"], "Unknown detector 'nothing'"),
    ],
)
def test_mistakes_are_answered_in_words(
    world: SquareWorld, arguments: list[str], words: str
) -> None:
    done = invoke(world, *arguments)

    assert done.exit_code != 0
    assert words in done.output
    assert "Traceback" not in done.output


def test_report_list_and_score(trained: Trained) -> None:
    report = invoke(trained.world, "report", "squares", "--again")
    as_json = invoke(trained.world, "report", "squares", "--json")
    listed = invoke(trained.world, "list")
    scored = invoke(trained.world, "score", "squares", "robot-4-red-000")

    assert "Too few failures of show-red on robot-4 to tell: 16 of at least 299" in report.output
    assert json.loads(as_json.output)["detector_id"] == "squares"
    assert "squares" in listed.output
    assert "held out: robot-4" in listed.output
    assert "* show-red" in scored.output
    assert "* show-green" not in scored.output
    remembered = ScoreCache(trained.world.workspace, trained.detector)
    assert remembered.get("robot-4-red-000") is not None


def test_an_empty_workspace_says_what_to_do(world: SquareWorld) -> None:
    assert "goalpost sd train" in invoke(world, "list").output


def test_a_killed_process_is_gone_on_with(world: SquareWorld, tiny: dict[str, Any]) -> None:
    world.record(["robot-1"], scenes=6, steps=1)
    overrides = {**tiny, "steps": 300, "checkpoint_every": 5}
    run = create_run(world.workspace, "train-detector", {"recipe": "smoke", "overrides": overrides})
    command = [sys.executable, "-m", "sd_model.cli", "execute", str(run.folder)]
    checkpoint = world.workspace.detectors / run.run_id / "checkpoint.safetensors"
    with subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}) as process:
        while not checkpoint.exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    assert run.status().state == "lost"
    reached = run.metrics()[-1]["step"]

    execute_run(run)

    steps = [row["step"] for row in run.metrics()]
    first_again = steps[steps.index(reached) + 1]
    assert 5 < first_again <= reached + 1
    assert steps[-1] == 300
    assert run.status().result == {"detector": run.run_id}
