from dataclasses import replace

import pytest

from data.catalog.catalog import rebuild
from data.episodes.index import list_episodes, save_episodes
from data.errors import InvalidInput, TaskRelationError, UnknownName
from data.labels import log as label_log
from data.labels.labels import append_labels, standing_labels
from data.tasks.changes import archive_task, define_task, rename_task
from data.tasks.store import load_tasks, store_tasks
from data.tasks.tasks import SEED_TASKS, Task


def test_a_defined_task_comes_last_and_stays(catalog, workspace) -> None:
    define_task(catalog, Task(name="lift-cup", skill="lift", implies=("lift-any",)))
    tasks = load_tasks(workspace)
    assert tasks.names == (*SEED_TASKS.names, "lift-cup")
    assert tasks.implied_by("lift-cup") == {"lift-any"}
    assert list(tasks)[:12] == list(SEED_TASKS)


def test_defining_again_replaces_in_place(catalog, workspace) -> None:
    define_task(catalog, Task(name="lift-any", skill="lift", description="Anything is up."))
    tasks = load_tasks(workspace)
    assert tasks.names == SEED_TASKS.names
    assert tasks["lift-any"].description == "Anything is up."


def test_defining_again_keeps_former_names_and_the_archive(catalog, workspace) -> None:
    define_task(catalog, Task(name="lift-cup", skill="lift"))
    rename_task(catalog, "lift-cup", "lift-mug")
    archive_task(catalog, "lift-mug")
    define_task(catalog, Task(name="lift-mug", skill="lift", description="The mug is up."))
    mug = load_tasks(workspace)["lift-cup"]
    assert (mug.name, mug.description, mug.archived) == ("lift-mug", "The mug is up.", True)


def test_a_task_that_comes_from_elsewhere_brings_its_former_names(catalog, workspace) -> None:
    define_task(catalog, Task(name="lift-mug", skill="lift"))  # so that others can refer to it
    define_task(catalog, Task(name="lift-mug", skill="lift", formerly=("lift-cup",), archived=True))
    mug = load_tasks(workspace)["lift-cup"]
    assert (mug.name, mug.archived) == ("lift-mug", True)


@pytest.mark.parametrize(
    ("task", "error"),
    [
        (Task(name="lift-any", skill="lift", excludes=("lift-carrot",)), TaskRelationError),
        (Task(name="lift-cup", skill="lift", implies=("lift-any-thing",)), UnknownName),
    ],
)
def test_impossible_relations_change_nothing(catalog, workspace, task, error) -> None:
    define_task(catalog, Task(name="lift-cup", skill="lift"))
    before = workspace.tasks_path.read_bytes()
    with pytest.raises(error):
        define_task(catalog, task)
    assert workspace.tasks_path.read_bytes() == before


def test_a_renamed_task_keeps_relations_labels_and_clips(
    catalog, workspace, make_episode, make_label
) -> None:
    define_task(catalog, Task(name="lift-pear", skill="lift", implies=("lift-any",)))
    define_task(catalog, Task(name="lift-fruit", skill="lift"), implied_by=["lift-pear"])
    clip = make_episode(task="lift-pear")
    save_episodes(catalog, [clip])
    append_labels(catalog, [make_label(clip, task="lift-pear")])
    log = workspace.labels_path.read_bytes()
    tasks = rename_task(catalog, "lift-pear", "lift-apple")
    assert tasks.implying("lift-fruit") == {"lift-apple"}
    assert tasks["lift-pear"].name == "lift-apple"
    assert workspace.labels_path.read_bytes() == log
    for known in (catalog, rebuild(workspace)):
        assert [label.task for label in standing_labels(known)] == ["lift-apple"]
        assert [each.info.task for each in list_episodes(known)] == ["lift-apple"]


def test_a_renaming_that_was_killed_is_finished_by_the_next_reader(
    catalog, workspace, make_episode, make_label
) -> None:
    define_task(catalog, Task(name="lift-pear", skill="lift"))
    clip = make_episode(task="lift-pear")
    save_episodes(catalog, [clip])
    append_labels(catalog, [make_label(clip, task="lift-pear")])
    assert len(standing_labels(catalog)) == 1
    *others, pear = load_tasks(workspace)
    store_tasks(workspace, [*others, replace(pear, name="lift-apple", formerly=("lift-pear",))])
    label_log.append(workspace.labels_path, [make_label(clip, "failure", task="lift-apple")])
    assert [each.info.task for each in list_episodes(catalog)] == ["lift-apple"]
    assert [(label.task, label.outcome) for label in standing_labels(catalog)] == [
        ("lift-apple", "failure")
    ]


def test_a_renaming_during_a_rebuild_reaches_the_new_index(
    catalog, workspace, make_episode, make_label
) -> None:
    define_task(catalog, Task(name="lift-pear", skill="lift"))
    clip = make_episode(task="lift-pear")
    save_episodes(catalog, [clip])
    append_labels(catalog, [make_label(clip, task="lift-pear")])
    renamed = []

    def rename(share: float, what: str) -> None:
        if not renamed:
            renamed.append(rename_task(catalog, "lift-pear", "lift-apple"))

    known = rebuild(workspace, rename)
    assert [each.info.task for each in list_episodes(known)] == ["lift-apple"]
    assert [label.task for label in standing_labels(known)] == ["lift-apple"]


def test_a_name_means_one_task_for_ever(catalog) -> None:
    define_task(catalog, Task(name="lift-pear", skill="lift"))
    rename_task(catalog, "lift-pear", "lift-apple")
    with pytest.raises(InvalidInput, match="two tasks"):
        define_task(catalog, Task(name="lift-pear", skill="lift"))
    with pytest.raises(InvalidInput, match="already"):
        rename_task(catalog, "lift-apple", "lift-any")
    with pytest.raises(InvalidInput, match="came with Goalpost"):
        rename_task(catalog, "lift-any", "lift-something")
    assert rename_task(catalog, "lift-apple", "lift-pear")["lift-apple"].name == "lift-pear"


def test_an_archived_task_is_not_offered_and_comes_back(catalog, workspace) -> None:
    assert "lift-any" not in archive_task(catalog, "lift-any").in_use
    assert load_tasks(workspace).implied_by("lift-carrot") == {"lift-any"}
    assert archive_task(catalog, "lift-any", archived=False).in_use == SEED_TASKS.names
