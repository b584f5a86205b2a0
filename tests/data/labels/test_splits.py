import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import InvalidInput
from data.labels.splits import assign_split, check_splits


@given(st.text(), st.integers(), st.floats(0, 0.99))
def test_held_out_robots_are_held_out_whatever_the_draw(group, seed, share) -> None:
    assert (
        assign_split("robot-7", group, holdout={"robot-7"}, validation_share=share, seed=seed)
        == "holdout"
    )


@given(st.text(), st.integers(), st.floats(0, 0.99))
def test_the_draw_depends_on_the_group_alone(group, seed, share) -> None:
    splits = {
        assign_split(robot, group, holdout=(), validation_share=share, seed=seed)
        for robot in ("robot-1", "robot-2", "robot-1")
    }
    assert len(splits) == 1
    assert splits <= {"train", "validation"}


def test_the_share_is_met_and_the_seed_changes_the_draw() -> None:
    def drawn(seed: int, share: float) -> list[str]:
        return [
            assign_split("robot-1", f"group-{n}", holdout=(), validation_share=share, seed=seed)
            for n in range(4000)
        ]

    # Four standard deviations of a share of 0.2 among 4000: 4 * sqrt(4000 * 0.2 * 0.8) = 101.
    assert abs(drawn(0, 0.2).count("validation") - 800) < 101
    assert drawn(0, 0.2) == drawn(0, 0.2) != drawn(1, 0.2)
    assert set(drawn(0, 0.0)) == {"train"}
    with pytest.raises(InvalidInput, match=r"1\.0"):
        drawn(0, 1.0)


@given(
    st.lists(st.tuples(st.sampled_from(["robot-1", "robot-2", "robot-3"]), st.integers(0, 9))),
    st.sets(st.sampled_from(["robot-1", "robot-2", "robot-3"])),
    st.floats(0, 0.99),
)
def test_what_assign_split_gives_is_never_refused(groups, holdout, share) -> None:
    check_splits(
        (
            robot,
            f"{robot}/{group}",
            assign_split(
                robot, f"{robot}/{group}", holdout=holdout, validation_share=share, seed=0
            ),
        )
        for robot, group in groups
    )


def test_a_group_in_two_splits_is_refused() -> None:
    with pytest.raises(InvalidInput, match="scene-1"):
        check_splits([("robot-1", "scene-1", "train"), ("robot-1", "scene-1", "validation")])


def test_a_held_out_robot_in_training_is_refused() -> None:
    with pytest.raises(InvalidInput, match="'robot-1' also has frames in: train"):
        check_splits([("robot-1", "scene-1", "train"), ("robot-1", "scene-2", "holdout")])
