from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from sd_model.config import load_recipe
from sd_model.examples.dataset import LabelledFrames, StoredLooks
from sd_model.learning.acquaintance import (
    FEWEST_FRAMES,
    acquaint,
    load_acquaintances,
    save_acquaintances,
    statistics_of,
    with_statistics,
)
from sd_model.learning.augmentation import Preprocessing, to_tensors
from sd_model.learning.network import DetectorNetwork, build_network

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conftest import SquareWorld
    from torch import Tensor

CPU = torch.device("cpu")


def met(world: SquareWorld, network: DetectorNetwork, **changed: object) -> Mapping[str, object]:
    config = load_recipe("smoke")
    frames = LabelledFrames.of(world.manifest("m-" + "-".join(map(str, changed)), config=config))
    stored = StoredLooks(frames, config, world.workspace, lambda share, message: None)
    if changed.get("mislabelled"):
        frames = dataclasses.replace(frames, outcome_FT=1 - abs(frames.outcome_FT))
    if "robot_frames" in changed:
        config = dataclasses.replace(config, robot_frames=changed["robot_frames"])
    preprocessing = Preprocessing(config, None)
    return acquaint(network, frames, stored, preprocessing, config, seed=0, device=CPU)


def network() -> DetectorNetwork:
    return build_network(load_recipe("smoke"), 3, seed=0, device=CPU).eval()


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_each_robot_with_enough_frames_is_met_by_its_pictures_alone(world: SquareWorld) -> None:
    world.record(["robot-1", "robot-2"], scenes=3)  # 36 frames each
    world.record(["robot-3"], scenes=2)  # 24
    judge = network()
    before = statistics_of(judge)

    found = met(world, judge)
    mislabelled = met(world, judge, mislabelled=True)

    assert FEWEST_FRAMES == 32
    assert sorted(found) == ["robot-1", "robot-2"]
    assert not same(found["robot-1"], found["robot-2"])
    assert same(found["robot-1"], mislabelled["robot-1"])
    assert same(before, statistics_of(judge))


def test_nobody_is_met_where_all_robots_share(world: SquareWorld) -> None:
    world.record(["robot-1"], scenes=3)

    assert met(world, network(), robot_frames=0) == {}


def test_the_statistics_are_the_means_over_the_robots_frames(world: SquareWorld) -> None:
    world.record(["robot-1"], scenes=3)
    judge = network()
    config = load_recipe("smoke")
    frames = LabelledFrames.of(world.manifest("m"))
    stored = StoredLooks(frames, config, world.workspace, lambda share, message: None)
    preprocessing = Preprocessing(config, None)

    found = acquaint(judge, frames, stored, preprocessing, config, seed=0, device=CPU)

    every = torch.arange(len(frames.refs)).numpy()
    seen = to_tensors(preprocessing.centre(stored.take(every)), CPU)[0].flatten(0, 1)
    with torch.no_grad():
        first = judge.trunk[0](seen)
    expected = first.mean(dim=(0, 2, 3))
    torch.testing.assert_close(
        found["robot-1"]["trunk.1.running_mean"], expected, atol=1e-5, rtol=1e-4
    )


def test_a_copy_normalises_by_what_was_met_and_files_keep_it(tmp_path: Path) -> None:
    judge = network()
    shifted = {
        name: value + 1 if name.endswith("mean") else value * 2
        for name, value in statistics_of(judge).items()
    }

    save_acquaintances(tmp_path / "robots.safetensors", {"robot-1": shifted})
    loaded = load_acquaintances(tmp_path / "robots.safetensors")
    copied = with_statistics(judge, loaded["robot-1"])

    assert same(statistics_of(copied), shifted)
    assert not same(statistics_of(judge), shifted)
    assert not copied.training
    for name, weight in judge.named_parameters():
        assert torch.equal(weight, dict(copied.named_parameters())[name])


def test_a_detector_that_met_nobody_has_a_file_that_says_so(tmp_path: Path) -> None:
    save_acquaintances(tmp_path / "robots.safetensors", {})

    assert load_acquaintances(tmp_path / "robots.safetensors") == {}
