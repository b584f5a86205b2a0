from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from data.errors import ConfigurationError, InvalidInput
from data.labels.splits import assign_split
from data.runs.runs import create_run
from sd_model.artefact import load_summary
from sd_model.config import load_recipe
from sd_model.examples.manifest import Manifest
from sd_model.judging.detector import Detector
from sd_model.run import execute_run

if TYPE_CHECKING:
    from conftest import SquareWorld


def test_a_run_leaves_a_detector_named_after_it(world: SquareWorld, tiny: dict[str, Any]) -> None:
    world.record(["robot-1", "robot-2"], scenes=6, steps=1)
    spec = {"recipe": "smoke", "overrides": tiny, "holdout": ["robot-2"], "tasks": None, "seed": 1}
    run = create_run(world.workspace, "train-detector", spec)

    folder = execute_run(run)

    status = run.status()
    assert folder == world.workspace.detectors / run.run_id
    assert (status.state, status.progress) == ("done", 1.0)
    assert status.result == {"detector": run.run_id}
    assert [row["step"] for row in run.metrics()] == [1, 2, 3, 4, 5, 6]
    assert Detector.load(folder).tasks == ("show-any", "show-green", "show-red")


def test_a_run_goes_on_from_a_detector(world: SquareWorld, tiny: dict[str, Any]) -> None:
    world.record(["robot-1", "robot-2"], scenes=6, steps=1)
    spec = {"recipe": "smoke", "overrides": tiny, "holdout": ["robot-2"], "seed": 1}
    earlier = create_run(world.workspace, "train-detector", spec)
    execute_run(earlier)
    run = create_run(world.workspace, "train-detector", {"from_detector": earlier.run_id})

    folder = execute_run(run)

    assert folder is not None
    summary = load_summary(folder)
    assert (summary.holdout, summary.seed, summary.config.steps) == (("robot-2",), 1, 1)


def test_what_was_learned_once_judges_no_more(world: SquareWorld, tiny: dict[str, Any]) -> None:
    """The one success of show-red on a robot that trains has to be learned from, wherever the draw
    puts it; more successes free it again, but the weights that are gone on from know it."""
    world.record(["robot-2"], scenes=4, steps=1)
    shown = {number: world.episode("robot-1", "none", number, steps=1) for number in range(12)}
    nothing = dict.fromkeys(("show-any", "show-green", "show-red"), "failure")
    config = load_recipe("smoke", tiny)
    drawn = {
        number: assign_split(
            "robot-1",
            episode.info.group,
            holdout=[],
            seed=0,
            validation_share=config.validation_share,
        )
        for number, episode in shown.items()
    }
    moved = next(number for number, split in drawn.items() if split == "validation")
    red = {moved: world.episode("robot-1", "red", moved, steps=1)}
    world.save(*shown.values(), *red.values())
    world.label_all(dict.fromkeys(shown.values(), nothing) | {red[moved]: {"show-red": "success"}})
    spec = {"recipe": "smoke", "overrides": tiny, "holdout": ["robot-2"], "tasks": ["show-red"]}
    earlier = create_run(world.workspace, "train-detector", spec)
    first = execute_run(earlier)
    more = [
        world.episode("robot-1", "red", number, steps=1)
        for number, split in drawn.items() if split == "train"
    ]  # fmt: skip
    world.save(*more)
    world.label_all({each: {"show-red": "success"} for each in more})

    later = {"from_detector": earlier.run_id, "tasks": ["show-red"]}
    second = execute_run(create_run(world.workspace, "train-detector", later))

    for folder in (first, second):
        assert folder is not None
        rows = Manifest.load(folder / "manifest.parquet").examples
        group = red[moved].info.group
        assert {row.split for row in rows if row.group == group} == {"train"}


def test_what_goes_on_keeps_its_recipe(world: SquareWorld) -> None:
    spec = {"from_detector": "some", "recipe": "paper"}
    run = create_run(world.workspace, "train-detector", spec)

    with pytest.raises(InvalidInput, match=r"keeps its configuration; 'recipe'"):
        execute_run(run)


def test_a_device_that_is_not_there_is_said_at_once(
    world: SquareWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOALPOST_DEVICE", "cuda:99")
    run = create_run(world.workspace, "train-detector", {"recipe": "smoke"})

    with pytest.raises(ConfigurationError, match="This machine has no 'cuda:99'"):
        execute_run(run)
    assert "GOALPOST_DEVICE" in (run.status().error or "")


def test_a_cancelled_run_ends_quietly(world: SquareWorld, tiny: dict[str, Any]) -> None:
    world.record(["robot-1"], scenes=6, steps=1)
    run = create_run(world.workspace, "train-detector", {"recipe": "smoke", "overrides": tiny})
    run.cancel()

    assert execute_run(run) is None
    assert run.status().state == "cancelled"


@pytest.mark.parametrize(
    ("spec", "error", "words"),
    [
        ({"recipes": "smoke"}, InvalidInput, "recipes"),
        ({"recipe": "smoke", "overrides": {"stepz": 1}}, ConfigurationError, "steps"),
        ({"recipe": "smoke"}, InvalidInput, "no labels yet"),
    ],
)
def test_a_run_that_cannot_be_carried_out_says_why(
    world: SquareWorld, spec: dict[str, Any], error: type[Exception], words: str
) -> None:
    run = create_run(world.workspace, "train-detector", spec)

    with pytest.raises(error, match=words):
        execute_run(run)

    assert run.status().state == "failed"
    assert words in str(run.status().error)
