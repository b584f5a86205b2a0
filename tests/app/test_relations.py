import pytest

from app.relations import relation_sentences
from data.errors import UnknownName
from data.tasks.tasks import SEED_TASKS, Task, TaskSet


def test_a_task_that_implies_and_excludes() -> None:
    assert relation_sentences(SEED_TASKS, "place-bottom") == [
        "Success of place-bottom counts as success of place-any and as failure of place-top-left "
        "and place-top-right.",
        "Failure of place-bottom says nothing about any other task.",
    ]


def test_a_task_that_others_imply() -> None:
    assert relation_sentences(SEED_TASKS, "place-any") == [
        "Failure of place-any counts as failure of place-bottom, place-top-left and "
        "place-top-right.",
        "Success of place-any alone says nothing about any other task.",
    ]


def test_a_task_without_relations() -> None:
    tasks = TaskSet([Task(name="wipe-table", skill="wipe")])
    assert relation_sentences(tasks, "wipe-table") == [
        "A label of wipe-table says nothing about any other task."
    ]


def test_an_unknown_task_is_named() -> None:
    with pytest.raises(UnknownName, match="lift-carot"):
        relation_sentences(SEED_TASKS, "lift-carot")
