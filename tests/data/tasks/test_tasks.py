"""Relations between tasks are closed under their own logic, and contradictions are refused."""

from __future__ import annotations

import pytest

from data.errors import InvalidInput, TaskRelationError, UnknownName
from data.tasks.tasks import SEED_TASKS, Task, TaskSet


def _task(name: str, *, implies: tuple[str, ...] = (), excludes: tuple[str, ...] = ()) -> Task:
    return Task(name=name, skill="lift", implies=implies, excludes=excludes)


def test_the_papers_twelve_tasks_are_there() -> None:
    assert len(SEED_TASKS) == 12
    assert len(SEED_TASKS.of_skill("lift")) == 8
    assert SEED_TASKS.of_skill("place") == (
        "place-any", "place-bottom", "place-top-left", "place-top-right",
    )  # fmt: skip


def test_lifting_a_carrot_lifts_something_and_nothing_else() -> None:
    others = set(SEED_TASKS.of_skill("lift")) - {"lift-any", "lift-carrot"}
    assert SEED_TASKS.implied_by("lift-carrot") == {"lift-any"}
    assert SEED_TASKS.excluded_by("lift-carrot") == others
    assert SEED_TASKS.implying("lift-any") == others | {"lift-carrot"}
    assert SEED_TASKS.excluded_by("lift-any") == frozenset()


def test_implication_is_transitive() -> None:
    tasks = TaskSet([_task("a", implies=("b",)), _task("b", implies=("c",)), _task("c")])
    assert tasks.implied_by("a") == {"b", "c"}
    assert tasks.implying("c") == {"a", "b"}


def test_exclusion_is_mutual_and_inherited() -> None:
    tasks = TaskSet(
        [_task("a", implies=("b",)), _task("b", excludes=("c",)), _task("c"),
         _task("d", implies=("c",))]
    )  # fmt: skip
    assert tasks.excluded_by("c") == {"a", "b"}
    assert tasks.excluded_by("a") == {"c", "d"}
    assert tasks.excluded_by("d") == {"a", "b"}


@pytest.mark.parametrize(
    "tasks",
    [
        [_task("a", implies=("b",), excludes=("b",)), _task("b")],
        [_task("a", implies=("b", "c")), _task("b", excludes=("c",)), _task("c")],
        [_task("a", excludes=("a",))],
    ],
)
def test_a_task_that_could_never_succeed_is_refused(tasks: list[Task]) -> None:
    with pytest.raises(TaskRelationError, match="relations of 'a' contradict themselves"):
        TaskSet(tasks)


def test_tasks_may_imply_each_other() -> None:
    tasks = TaskSet([_task("a", implies=("b",)), _task("b", implies=("a",))])
    assert tasks.implied_by("a") == {"b"}


def test_unknown_and_repeated_names_are_refused() -> None:
    with pytest.raises(UnknownName, match=r"Unknown task 'lift-carot'.*'lift-carrot'"):
        SEED_TASKS["lift-carot"]
    with pytest.raises(UnknownName, match="relations of task 'a'"):
        TaskSet([_task("a", implies=("z",))])
    with pytest.raises(InvalidInput, match="defined twice"):
        TaskSet([_task("a"), _task("a")])


@pytest.mark.parametrize("name", ["", "Lift", "lift carrot", "lift--carrot", "-lift", "../x"])
def test_names_that_cannot_be_used(name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be used"):
        _task(name)


def test_a_subset_keeps_relations_that_went_through_a_task_left_out() -> None:
    tasks = TaskSet([_task("a", implies=("b",)), _task("b", implies=("c",)), _task("c")])
    assert tasks.only(["c", "a"]).names == ("a", "c")
    assert tasks.only(["c", "a"]).implied_by("a") == {"c"}
