from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from data.errors import InvalidInput, UnknownName
from data.labels.splits import Split
from data.tasks.changes import rename_task
from data.tasks.tasks import Outcome
from sd_model.config import load_recipe
from sd_model.examples.gathering import feed_training
from sd_model.examples.labelled import Example
from sd_model.examples.manifest import Manifest

if TYPE_CHECKING:
    from conftest import SquareWorld


def test_labels_become_examples_with_their_origin(world: SquareWorld) -> None:
    world.record(["robot-1"], scenes=6, steps=2)

    manifest = world.manifest("m")

    red = [
        (row.frame_index, row.task, row.outcome, row.origin, row.from_task, row.label_id)
        for row in manifest.examples
        if row.episode_id == "robot-1-red-000"
    ]
    label_id = "robot-1-red-000/None/show-red"
    assert red == [
        (frame, *known, "show-red", label_id)
        for frame in (0, 1)
        for known in (
            ("show-any", "success", "derived"),
            ("show-green", "failure", "derived"),
            ("show-red", "success", "labelled"),
        )
    ]
    assert manifest.tasks.names == ("show-any", "show-green", "show-red")
    assert len({row.example_id for row in manifest.examples}) == len(manifest.examples)


def test_held_out_robots_and_pairs_stay_whole(world: SquareWorld) -> None:
    world.record(["robot-1", "robot-2", "robot-3"], scenes=10, steps=2)

    manifest = world.manifest("m", holdout=["robot-2"])

    splits_of_group: dict[str, set[str]] = {}
    for row in manifest.examples:
        splits_of_group.setdefault(row.group, set()).add(row.split)
        assert (row.split == "holdout") == (row.robot == "robot-2")
    assert all(len(splits) == 1 for splits in splits_of_group.values())
    assert {s for splits in splits_of_group.values() for s in splits} == {
        "train", "validation", "holdout",
    }  # fmt: skip


def test_clips_give_frames_spread_evenly_and_episodes_their_last(world: SquareWorld) -> None:
    clip = world.episode("robot-1", "red", 0, steps=10)
    run = world.episode("robot-1", "none", 1, steps=5, kind="robot")
    world.save(clip, run)
    world.label(clip, {"show-red": "success"})
    world.label(run, {"show-any": "failure"}, frame_index=4)
    world.record(["robot-2"], scenes=6, steps=2)
    config = load_recipe("smoke", {"frames_per_clip": 2, "validation_share": 0.05})

    manifest = world.manifest("m", config=config)

    frames = {
        (row.episode_id, row.frame_index) for row in manifest.examples if row.robot == "robot-1"
    }
    assert frames == {
        ("robot-1-red-000", 2), ("robot-1-red-000", 7), ("robot-1-none-001", 4),
    }  # fmt: skip


def test_a_label_about_a_frame_is_more_exact_than_one_about_the_clip(world: SquareWorld) -> None:
    world.record(["robot-1"], scenes=6, steps=3)
    clip = world.episode("robot-1", "red", 9, steps=3)
    world.save(clip)
    world.label(clip, {"show-red": "failure"}, frame_index=1)
    world.label(clip, {"show-red": "success"})

    manifest = world.manifest("m")

    outcomes = [
        row.outcome
        for row in manifest.examples
        if row.episode_id == clip.info.episode_id and row.task == "show-red"
    ]
    assert outcomes == ["success", "failure", "success"]


def test_unsure_trains_nothing(world: SquareWorld) -> None:
    world.record(["robot-1"], scenes=6, steps=2)
    clip = world.episode("robot-1", "red", 9)
    world.save(clip)
    world.label(clip, {"show-red": "unsure"})

    manifest = world.manifest("m")

    assert clip.info.episode_id not in {row.episode_id for row in manifest.examples}


def test_contradictions_name_their_episodes(world: SquareWorld) -> None:
    world.record(["robot-1"], scenes=6, steps=2)
    clip = world.episode("robot-1", "red", 9)
    world.save(clip)
    world.label(clip, {"show-red": "success", "show-green": "success"})

    manifest = world.manifest("m")

    assert "robot-1-red-009" not in {row.episode_id for row in manifest.examples}
    [told] = [each for each in manifest.warnings if "robot-1-red-009 (robot-1)" in each]
    assert "'show-red: success' and 'show-green: success'" in told


def test_a_damaged_shard_costs_its_own_frames_alone(world: SquareWorld) -> None:
    world.record(["robot-1", "robot-2"], scenes=6, steps=2)
    whole = world.manifest("whole")
    shard = whole.examples[0].shard
    path = world.workspace.root / shard
    path.write_bytes(path.read_bytes()[:-100])

    manifest = world.manifest("m")

    assert {row.example_id for row in manifest.examples} == {
        row.example_id for row in whole.examples if row.shard != shard
    }
    lost = {row.episode_id for row in whole.examples if row.shard == shard}
    assert all(any(name in told for told in manifest.warnings) for name in lost)


def test_a_task_that_cannot_be_learned_is_left_out_with_a_word(world: SquareWorld) -> None:
    episodes = [world.episode("robot-1", shown, n) for n in range(6) for shown in ("red", "none")]
    world.save(*episodes)
    world.label_all(
        {
            each: {"show-red": "success" if "red" in each.info.episode_id else "failure"}
            for each in episodes
        }
    )

    manifest = world.manifest("m")

    assert manifest.tasks.names == ("show-red",)
    assert "show-any was left out: the training robots have no failure of it." in manifest.warnings
    assert any("No robot was held out" in warning for warning in manifest.warnings)


def test_a_wanted_task_that_cannot_be_learned_is_refused(world: SquareWorld) -> None:
    world.record(["robot-1"], scenes=6, steps=2)

    with pytest.raises(InvalidInput, match="no success and failure of it"):
        world.manifest("m", wanted=["lift-any"])
    with pytest.raises(UnknownName, match="Did you mean 'show-red'"):
        world.manifest("m", wanted=["show-rde"])


def test_only_wanted_tasks_are_taken(world: SquareWorld) -> None:
    world.record(["robot-1"], scenes=6, steps=2)

    manifest = world.manifest("m", wanted=["show-red"])

    assert Counter(row.task for row in manifest.examples).keys() == {"show-red"}


def test_a_wanted_task_may_be_called_what_it_was_called_before(world: SquareWorld) -> None:
    world.record(["robot-1"], scenes=6, steps=2)
    rename_task(world.catalog, "show-red", "show-crimson")

    assert world.manifest("m", wanted=["show-red"]).tasks.names == ("show-crimson",)


def test_without_labels_there_is_nothing_to_train_on(world: SquareWorld) -> None:
    with pytest.raises(InvalidInput, match="There are no labels yet"):
        world.manifest("m")


@pytest.mark.parametrize(
    ("holdout", "words"),
    [(["robot-7"], "'robot-7' has no labels"), (["robot-1"], "Every robot with labels")],
)
def test_a_holdout_that_judges_nothing_or_everything_is_refused(
    world: SquareWorld, holdout: list[str], words: str
) -> None:
    world.record(["robot-1"], scenes=2, steps=2)

    with pytest.raises(InvalidInput, match=words):
        world.manifest("m", holdout=holdout)


def test_a_frozen_manifest_is_never_overwritten(world: SquareWorld) -> None:
    world.record(["robot-1"], scenes=6, steps=2)
    first = world.manifest("m")
    world.record(["robot-2"], scenes=2, steps=2)

    with pytest.raises(InvalidInput, match="never overwritten"):
        world.manifest("m")

    kept = Manifest.load(world.workspace.detectors / "m" / "manifest.parquet")
    assert kept.examples == first.examples


def test_a_single_pair_is_learned_from_wherever_the_draw_puts_it(world: SquareWorld) -> None:
    world.record(["robot-1", "robot-2"], scenes=1, steps=2)
    for seed in range(12):
        manifest = world.manifest(f"m{seed}", holdout=["robot-2"], seed=seed)
        outcomes = {(row.task, row.outcome) for row in manifest.examples if row.split == "train"}
        for task in manifest.tasks.names:
            assert {(task, "success"), (task, "failure")} <= outcomes


def test_only_the_groups_that_training_lacks_move_and_whole() -> None:
    def row(group: str, split: Split, outcome: Outcome, robot: str = "robot-1") -> Example:
        return Example(
            example_id=f"{group}:{outcome}",
            episode_id=group,
            frame_index=0,
            shard="s",
            robot=robot,
            group=group,
            kind="clip",
            split=split,
            task="show-any",
            outcome=outcome,
            origin="labelled",
            label_id="l",
            from_task="show-any",
            source="person",
            shown_task="show-any",
            recorded_at_ns=0,
        )

    rows = [
        row("a", "train", "failure"),
        row("b", "validation", "failure"),
        row("c", "validation", "success"),
        row("c", "validation", "failure"),
        row("d", "validation", "success"),
        row("e", "holdout", "success", "robot-2"),
    ]
    splits = [(each.group, each.split) for each in feed_training(rows)]
    assert splits == [
        ("a", "train"), ("b", "validation"), ("c", "train"), ("c", "train"),
        ("d", "validation"), ("e", "holdout"),
    ]  # fmt: skip
