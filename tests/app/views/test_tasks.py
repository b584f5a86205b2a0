from typing import Any

from streamlit.testing.v1 import AppTest

from data.labels.labels import standing_labels
from data.tasks.changes import define_task
from data.tasks.store import load_tasks
from data.tasks.tasks import Task


def _page() -> None:
    from app.views.tasks import render

    render()


def _open(tab: str = "Tasks") -> AppTest:
    at = AppTest.from_function(_page)
    at.session_state["tasks-tab"] = tab
    return at.run()


def _text(at: AppTest) -> str:
    return "\n".join(element.value for element in (*at.markdown, *at.caption))


def _about(at: AppTest, task: str) -> Any:
    [found] = [radio for radio in at.radio if f"-about-{task}-" in str(radio.key)]
    return found


def test_tasks_are_counted_and_their_relations_said_in_words(world: Any) -> None:
    world.record_pair("robot-1", "lift-carrot")
    at = _open()
    assert not at.exception
    assert "2 clips · 1 success · 1 failure · 0 derived" in _text(at)
    assert "0 clips · 0 successes · 0 failures · 1 derived" in _text(at)
    assert "Failure of lift-any counts as failure of lift-banana" in _text(at)


def test_ones_own_tasks_come_first(world: Any) -> None:
    define_task(world.catalog, Task(name="put-left", skill="place"))
    at = _open()
    assert [each.value for each in at.subheader] == ["Your own", "Skill: lift", "Skill: place"]
    assert at.markdown[1].value.startswith("**put-left**")


def test_the_address_opens_the_form(world: Any) -> None:
    at = AppTest.from_function(_page)
    at.query_params["tasks-tab"] = "Define a task"
    at.run()
    assert at.text_input(key="new-task-0-name")
    # Nothing is presumed of a task whose words tell no skill.
    at.text_input(key="new-task-0-name").input("wipe the table").run()
    assert "Choose its skill to see" in at.info[0].value


def test_a_task_is_defined_in_plain_words_with_proposed_answers(world: Any) -> None:
    at = _open("Define a task")
    at.text_input(key="new-task-0-name").input("Lift the pear!").run()
    assert "It will be called **lift-the-pear**." in _text(at)
    assert _about(at, "lift-any").value == "succeeded"
    assert _about(at, "lift-banana").value == "failed"
    assert _about(at, "place-any").value == "either"
    _about(at, "lift-milk").set_value("either").run()
    assert "Success of lift-the-pear counts as success of lift-any and as failure" in _text(at)
    at.button(key="define-task").click().run()
    assert not at.exception
    assert "The task lift-the-pear is defined." in _text(at)
    assert at.button(key="record-defined").label == "Record a pair of lift-the-pear"
    assert at.text_input(key="new-task-1-name").value == ""
    task = load_tasks(world.workspace)["lift-the-pear"]
    assert task.implies == ("lift-any",)
    assert "lift-banana" in task.excludes and "lift-milk" not in task.excludes


def test_what_was_defined_is_told_until_the_next_task_is_begun(world: Any) -> None:
    at = _open("Define a task")
    at.text_input(key="new-task-0-name").input("Lift the pear").run()
    at.button(key="define-task").click().run()
    assert "is defined" in _text(at.run())  # a click on the way to Record must find its button
    at.text_input(key="new-task-1-name").input("Lift the fig").run()
    assert "is defined" not in _text(at)


def test_a_general_task_is_implied_by_those_of_its_skill(world: Any) -> None:
    for name in ("wipe-table", "wipe-plate"):
        define_task(world.catalog, Task(name=name, skill="wipe"))
    at = _open("Define a task")
    at.text_input(key="new-task-0-name").input("wipe any").run()
    at.button(key="define-task").click().run()
    assert not at.exception
    tasks = load_tasks(world.workspace)
    assert tasks.implying("wipe-any") == {"wipe-table", "wipe-plate"}


def test_a_contradiction_is_refused_in_words_and_nothing_typed_is_lost(world: Any) -> None:
    at = _open("Define a task")
    at.text_input(key="new-task-0-name").input("lift-pear")
    at.text_area(key="new-task-0-description").input("The pear is up.").run()
    # Lifting a carrot lifts something, so one cannot be done without the other.
    _about(at, "lift-any").set_value("failed")
    _about(at, "lift-carrot").set_value("succeeded").run()
    assert "contradict themselves" in at.error[0].value
    assert "What to do" in at.error[0].value
    assert at.text_area(key="new-task-0-description").value == "The pear is up."
    assert at.button(key="define-task").disabled
    assert "lift-pear" not in load_tasks(world.workspace)


def test_a_name_that_is_taken_is_refused(world: Any) -> None:
    at = _open("Define a task")
    at.text_input(key="new-task-0-name").input("lift any").run()
    assert "already" in at.error[0].value


def test_a_new_skill_is_named(world: Any) -> None:
    at = _open("Define a task")
    at.text_input(key="new-task-0-name").input("wipe-table").run()
    [skill] = [box for box in at.selectbox if "skill" in str(box.key)]
    skill.select(skill.options[-1]).run()
    at.text_input(key="new-task-0-new-skill").input("wipe").run()
    at.button(key="define-task").click().run()
    assert load_tasks(world.workspace)["wipe-table"].skill == "wipe"


def test_a_description_is_changed(world: Any) -> None:
    at = _open("Change a task")
    assert at.button(key="save-task").disabled
    at.text_area(key="edit-lift-any-description").input("Anything is up.").run()
    at.button(key="save-task").click().run()
    assert not at.exception
    assert load_tasks(world.workspace)["lift-any"].description == "Anything is up."
    assert at.success[0].value == "The task lift-any was changed."


def test_a_task_is_renamed_and_archived_and_keeps_its_labels(world: Any) -> None:
    define_task(world.catalog, Task(name="lift-pear", skill="lift", implies=("lift-any",)))
    world.record_pair("robot-1", "lift-pear")
    at = _open("Change a task")
    at.selectbox(key="edit-task").set_value("lift-pear").run()
    at.text_input(key="rename-lift-pear").input("Lift an apple").run()
    at.button(key="rename-task").click().run()
    assert at.success[0].value == "lift-pear is called lift-an-apple now."
    labels = standing_labels(world.catalog, task="lift-an-apple")
    assert {label.outcome for label in labels} == {"success", "failure"}

    at.selectbox(key="edit-task").set_value("lift-an-apple").run()
    at.button(key="archive-task").click().run()
    assert "lift-an-apple" not in at.selectbox(key="edit-task").options
    at = _open()
    at.button(key="unarchive-lift-an-apple").click().run()
    assert "lift-an-apple" in load_tasks(world.workspace).in_use
    assert len(standing_labels(world.catalog, task="lift-an-apple")) == 2
