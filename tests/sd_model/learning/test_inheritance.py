from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from data.errors import InvalidInput
from data.tasks.tasks import Task, TaskSet
from sd_model.artefact import load_summary
from sd_model.judging.scores import load_scores
from sd_model.learning.inheritance import check_inheritance, inherit_weights, inherited_config
from sd_model.learning.network import build_network
from sd_model.learning.training import train

if TYPE_CHECKING:
    from conftest import Recorder, Trained


def test_a_fifth_of_the_updates_at_half_the_rate(trained: Trained) -> None:
    earlier = load_summary(trained.detector.folder)
    config = inherited_config(earlier)

    assert config.steps == 16
    assert config.learning_rate == pytest.approx(1.5e-3)
    assert inherited_config(replace(earlier, config=config)) == config  # and again no less


def test_logits_go_by_the_names_of_their_tasks(trained: Trained) -> None:
    earlier = load_summary(trained.detector.folder)
    tasks = TaskSet(
        [
            Task(name="show-crimson", skill="show", formerly=("show-red",)),
            Task(name="show-new", skill="show"),
            Task(name="show-any", skill="show"),
        ]
    )
    network = build_network(earlier.config, 3, seed=9, device=torch.device("cpu")).eval()
    generator = torch.Generator().manual_seed(0)
    side = earlier.config.image_px
    views = torch.randn(2, 3, 3, side, side, generator=generator)
    old = build_network(earlier.config, 3, seed=0, device=torch.device("cpu")).eval()
    inherit_weights(old, earlier.tasks, earlier)

    inherit_weights(network, tasks, earlier)

    nothing = views[..., :0, :0]
    before, after = old(views, nothing, nothing), network(views, nothing, nothing)
    for column, was in ((0, "show-red"), (2, "show-any")):
        torch.testing.assert_close(after[:, column], before[:, earlier.tasks.names.index(was)])


def test_a_robot_that_was_learned_from_cannot_judge(trained: Trained) -> None:
    earlier = load_summary(trained.detector.folder)

    with pytest.raises(InvalidInput, match=r"has learned from robot-1.*robot-4"):
        check_inheritance(replace(trained.manifest, holdout=("robot-1",)), earlier)


def test_other_validation_clips_are_refused(trained: Trained) -> None:
    earlier = load_summary(trained.detector.folder)

    with pytest.raises(InvalidInput, match="The seed 5 would judge"):
        check_inheritance(replace(trained.manifest, seed=5), earlier)


def test_it_goes_on_and_loses_nothing(trained: Trained, recorder: Recorder) -> None:
    earlier = load_summary(trained.detector.folder)
    world = trained.world
    config = inherited_config(earlier)
    manifest = world.manifest("later", holdout=["robot-4"], config=config)
    folder = world.workspace.detectors / "later"

    train(
        manifest, config, folder, workspace=world.workspace, report=recorder, seed=0, device="cpu",
        earlier=earlier,
    )  # fmt: skip

    first_loss = recorder.lines[0][1]["loss"]
    assert first_loss < 0.5 * trained.recorder.lines[0][1]["loss"]
    wrong = [
        np.mean((scores["score"] >= 0.5) != (scores["outcome"] == "success"))
        for scores in (load_scores(earlier.folder), load_scores(folder))
    ]
    assert wrong[1] <= wrong[0] + 0.01
    shutil.rmtree(folder)  # the world is shared
