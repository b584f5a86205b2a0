from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import LabelConflict, UnknownName
from data.tasks.feasibility import Conclusion, close_outcomes
from data.tasks.tasks import SEED_TASKS, Outcome, Task, TaskSet

OTHER_LIFTS = ("banana", "bottle", "sausage", "milk", "box", "can")


def test_a_lifted_carrot_is_a_lift_and_no_other_lift() -> None:
    known = close_outcomes({"lift-carrot": "success"}, SEED_TASKS)

    assert known["lift-carrot"] == Conclusion("success", None)
    assert known["lift-any"] == Conclusion("success", "lift-carrot")
    for kind in OTHER_LIFTS:
        assert known[f"lift-{kind}"] == Conclusion("failure", "lift-carrot")
    assert set(known) == set(SEED_TASKS.of_skill("lift"))


def test_no_lift_at_all_is_no_lift_of_anything() -> None:
    known = close_outcomes({"lift-any": "failure"}, SEED_TASKS)

    assert set(known) == set(SEED_TASKS.of_skill("lift"))
    assert {each.outcome for each in known.values()} == {"failure"}


@pytest.mark.parametrize("task", ["lift-carrot", "place-bottom"])
def test_what_does_not_follow_stays_unknown(task: str) -> None:
    assert close_outcomes({task: "failure"}, SEED_TASKS) == {task: Conclusion("failure", None)}


def test_a_success_in_general_says_nothing_of_the_instances() -> None:
    assert set(close_outcomes({"lift-any": "success"}, SEED_TASKS)) == {"lift-any"}


def test_a_label_is_never_marked_as_derived() -> None:
    known = close_outcomes({"lift-any": "success", "lift-carrot": "success"}, SEED_TASKS)

    assert known["lift-any"] == Conclusion("success", None)


def test_conclusions_are_drawn_from_conclusions() -> None:
    # blue excludes warm, and red means warm: so a blue thing is not red. Likewise big -> thing.
    tasks = TaskSet(
        [
            Task(name="warm", skill="s"),
            Task(name="red", skill="s", implies=("warm",)),
            Task(name="blue", skill="s", excludes=("warm",)),
            Task(name="dark-blue", skill="s", implies=("blue",)),
        ]
    )

    known = close_outcomes({"dark-blue": "success"}, tasks)

    assert known == {
        "warm": Conclusion("failure", "dark-blue"),
        "red": Conclusion("failure", "dark-blue"),
        "blue": Conclusion("success", "dark-blue"),
        "dark-blue": Conclusion("success", None),
    }


@pytest.mark.parametrize(
    ("stated", "named"),
    [
        ({"lift-carrot": "success", "lift-any": "failure"}, ("lift-carrot", "lift-any")),
        ({"lift-carrot": "success", "lift-banana": "success"}, ("lift-carrot", "lift-banana")),
        ({"place-bottom": "success", "place-any": "failure"}, ("place-bottom", "place-any")),
    ],
)
def test_contradictions_are_refused_by_name(
    stated: dict[str, Outcome], named: tuple[str, str]
) -> None:
    with pytest.raises(LabelConflict) as caught:
        close_outcomes(stated, SEED_TASKS)

    for name in named:
        assert f"{name}: {stated[name]}" in str(caught.value)
    assert "Label" in str(caught.value.next_step)


def test_an_unknown_task_is_named() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'lift-carrot'"):
        close_outcomes({"lift-carot": "success"}, SEED_TASKS)


@given(st.dictionaries(st.sampled_from(SEED_TASKS.names), st.sampled_from(["success", "failure"])))
def test_closing_twice_changes_nothing(stated: dict[str, Outcome]) -> None:
    try:
        once = close_outcomes(stated, SEED_TASKS)
    except LabelConflict:
        return
    outcomes = {name: each.outcome for name, each in once.items()}
    twice = close_outcomes(outcomes, SEED_TASKS)

    assert {name: each.outcome for name, each in twice.items()} == outcomes
    for name, outcome in stated.items():
        assert once[name] == Conclusion(outcome, None)
