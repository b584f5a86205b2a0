import pytest

from app.task_form import (
    most_like,
    name_from_words,
    suggested_implying,
    suggested_relations,
    suggested_skill,
)
from data.tasks.tasks import SEED_TASKS, Task, TaskSet


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("Lift the carrot", "lift-the-carrot"),
        ("  On the LEFT, of the plate! ", "on-the-left-of-the-plate"),
        ("Äpfel 2", "apfel-2"),
        ("lift-carrot", "lift-carrot"),
        ("!?", ""),
    ],
)
def test_plain_words_become_a_name(words: str, name: str) -> None:
    assert name_from_words(words) == name


def test_the_skill_is_the_word_a_name_begins_with() -> None:
    assert suggested_skill(SEED_TASKS, "lift-pear") == "lift"
    assert suggested_skill(SEED_TASKS, "lifting-pear") is None


@pytest.mark.parametrize(
    ("name", "description", "skill"),
    [
        ("put-it-on-the-left-of-the-plate", "", "place"),
        ("hold-something", "", "lift"),
        ("on-the-left", "The can lies left of the middle of the plate.", "place"),
        ("wipe-the-table", "", None),
        ("hold-it-over-the-plate", "", None),
    ],
)
def test_the_skill_is_heard_in_the_words(name: str, description: str, skill: str | None) -> None:
    assert suggested_skill(SEED_TASKS, name, description) == skill


@pytest.mark.parametrize("name", ["put-it-on-the-left-of-the-plate", "place-left"])
def test_what_lies_on_the_left_may_lie_at_the_top_left(name: str) -> None:
    suggested = suggested_relations(SEED_TASKS, name, "place")
    assert suggested["place-any"] == "succeeded"
    assert suggested["place-top-left"] == "either"
    assert suggested["place-top-right"] == "failed"


def test_of_a_task_named_otherwise_than_those_of_its_skill_no_exclusion_is_presumed() -> None:
    suggested = suggested_relations(SEED_TASKS, "put-it-on-the-left-of-the-plate", "place")
    assert suggested["place-bottom"] == "either"
    assert suggested_relations(SEED_TASKS, "place-middle", "place")["place-bottom"] == "failed"


def test_a_specific_task_implies_the_general_one_and_excludes_the_others() -> None:
    suggested = suggested_relations(SEED_TASKS, "lift-pear", "lift")
    assert suggested["lift-any"] == "succeeded"
    assert suggested["lift-carrot"] == "failed"
    assert suggested["place-any"] == "either"
    assert suggested_implying(SEED_TASKS, "lift-pear", "lift") == ()


def test_where_tasks_of_a_skill_do_not_exclude_each_other_nothing_is_presumed() -> None:
    tasks = TaskSet(Task(name=name, skill="wipe") for name in ("wipe-left", "wipe-right"))
    assert set(suggested_relations(tasks, "wipe-top", "wipe").values()) == {"either"}


def test_a_general_task_is_implied_by_all_of_its_skill_and_says_nothing_itself() -> None:
    tasks = TaskSet(Task(name=name, skill="wipe") for name in ("wipe-left", "wipe-right"))
    assert set(suggested_relations(tasks, "wipe-any", "wipe").values()) == {"either"}
    assert suggested_implying(tasks, "wipe-any", "wipe") == ("wipe-left", "wipe-right")


@pytest.mark.parametrize(
    ("name", "skill", "known"),
    [
        ("put-it-on-the-left-of-the-plate", "place", "place-top-left"),
        ("put-it-on-the-right", "place", "place-top-right"),
        ("lift-the-red-can", "lift", "lift-can"),
        ("hold-something", "lift", "lift-any"),
        ("put-it-down", "place", "place-any"),
        ("wipe-the-table", "wipe", None),
    ],
)
def test_the_known_task_that_is_most_like_ones_own(
    name: str, skill: str, known: str | None
) -> None:
    task = Task(name=name, skill=skill, implies=(f"{skill}-any",))
    assert most_like(SEED_TASKS, task) == known
