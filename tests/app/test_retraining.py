from __future__ import annotations

from typing import Any

from app.retraining import retraining_spec
from data.runs import create_run
from sd_model.config import config_from, config_values, load_recipe


def test_the_run_that_made_a_detector_is_repeated(world: Any) -> None:
    spec = {
        "recipe": "cpu",
        "overrides": {"steps": 7},
        "holdout": ["robot-7"],
        "tasks": None,
        "seed": 3,
    }
    run = create_run(world.workspace, "train-detector", spec)
    summary = world.add_detector(run.run_id, ["lift-any"])

    again = retraining_spec(world.workspace, summary)

    assert (again["recipe"], again["overrides"]) == ("cpu", {"steps": 7})
    assert (again["holdout"], again["tasks"]) == (["robot-7"], ["lift-any"])


def test_a_detector_from_elsewhere_is_repeated_from_its_configuration(world: Any) -> None:
    summary = world.add_detector("imported", ["lift-any"])

    again = retraining_spec(world.workspace, summary)

    config = load_recipe(again["recipe"], again["overrides"])
    assert config_values(config) == config_values(summary.config)
    assert config_from(again["overrides"], where="test") == summary.config
