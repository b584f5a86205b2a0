from typing import Any

from streamlit.testing.v1 import AppTest

from data.task_store import load_tasks


def _page() -> None:
    from app.views.tasks import render

    render()


def _text(at: AppTest) -> str:
    return "\n".join(element.value for element in at.markdown)


def test_tasks_are_counted_and_their_relations_said_in_words(world: Any) -> None:
    world.record_pair("robot-1", "lift-carrot")
    at = AppTest.from_function(_page).run()
    assert not at.exception
    lifts = at.table[0].value.set_index("task")
    assert lifts.loc["lift-carrot", ["clips", "successes", "failures"]].tolist() == [2, 1, 1]
    assert lifts.loc["lift-any", "derived"] == 1
    assert "Failure of lift-any counts as failure of lift-banana" in _text(at)


def test_a_task_is_defined_with_a_preview_and_an_emptied_form(world: Any) -> None:
    at = AppTest.from_function(_page).run()
    at.text_input(key="new-task-0-name").input("lift-pear")
    at.multiselect(key="new-task-0-implies").select("lift-any")
    at.multiselect(key="new-task-0-excludes").select("lift-banana").run()
    preview = "Success of lift-pear counts as success of lift-any and as failure of lift-banana."
    assert preview in _text(at)
    at.button(key="define-task").click().run()
    assert not at.exception
    assert at.success[0].value == "The task lift-pear is defined."
    assert at.text_input(key="new-task-1-name").value == ""
    assert load_tasks(world.workspace)["lift-pear"].excludes == ("lift-banana",)


def test_a_contradiction_is_refused_in_words_and_nothing_typed_is_lost(world: Any) -> None:
    at = AppTest.from_function(_page).run()
    at.text_input(key="new-task-0-name").input("lift-pear")
    at.text_area(key="new-task-0-description").input("The pear is up.")
    at.multiselect(key="new-task-0-implies").select("lift-any")
    at.multiselect(key="new-task-0-excludes").select("lift-any").run()
    assert "contradict themselves" in at.error[0].value
    assert "What to do" in at.error[0].value
    assert at.text_area(key="new-task-0-description").value == "The pear is up."
    assert at.button(key="define-task").disabled
    assert "lift-pear" not in load_tasks(world.workspace)


def test_a_name_that_is_taken_or_unusable_is_refused(world: Any) -> None:
    at = AppTest.from_function(_page).run()
    at.text_input(key="new-task-0-name").input("lift-any").run()
    assert "already" in at.error[0].value
    at.text_input(key="new-task-0-name").input("Lift Pear").run()
    assert "cannot be used" in at.error[0].value


def test_a_new_skill_is_named(world: Any) -> None:
    at = AppTest.from_function(_page).run()
    at.text_input(key="new-task-0-name").input("wipe-table")
    skill = at.selectbox(key="new-task-0-skill")
    skill.select(skill.options[-1]).run()
    at.text_input(key="new-task-0-new-skill").input("wipe").run()
    at.button(key="define-task").click().run()
    assert load_tasks(world.workspace)["wipe-table"].skill == "wipe"


def test_a_description_is_changed(world: Any) -> None:
    at = AppTest.from_function(_page).run()
    assert at.button(key="save-task").disabled
    at.text_area(key="edit-lift-any-description").input("Anything is up.").run()
    at.button(key="save-task").click().run()
    assert not at.exception
    assert load_tasks(world.workspace)["lift-any"].description == "Anything is up."
    assert at.success[0].value == "The task lift-any was changed."
