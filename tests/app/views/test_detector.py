from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import jobs
from data.runs.runs import list_runs


def _page() -> None:
    from app.views.detector import render

    render()


def _text(at: AppTest) -> str:
    return "\n".join(element.value for element in at.markdown)


@pytest.fixture
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are written down but not carried out: the page is what is tested."""
    monkeypatch.setattr(jobs, "launch", lambda run, command: None)


def test_without_labels_the_page_says_what_to_do(world: Any) -> None:
    at = AppTest.from_function(_page).run()
    assert not at.exception
    assert "Nothing is labelled yet" in _text(at)
    assert not at.button


def test_one_robot_is_not_enough(world: Any) -> None:
    world.record_pair("robot-1", "lift-carrot")
    at = AppTest.from_function(_page).run()
    assert "Hold out at least one robot" in at.error[0].value
    assert at.button(key="train-detector").disabled


def test_training_is_started_with_what_was_chosen(world: Any, no_process: None) -> None:
    for robot in ("robot-1", "robot-7"):
        world.record_pair(robot, "lift-carrot")
        world.record_pair(robot, "place-any")
    at = AppTest.from_function(_page).run()
    assert not at.error
    assert (
        "**It learns** from 2 successes and 2 failures on robot-1. **It brings** a detector of 2 "
        "tasks"
    ) in _text(at)
    at.multiselect(key="detector-tasks").unselect("place-any").run()
    at.button(key="train-detector").click().run()
    assert not at.exception
    (run,) = list_runs(world.workspace)
    assert run.kind == "train-detector"
    assert run.spec == {
        "recipe": "quick",
        "overrides": {},
        "holdout": ["robot-7"],
        "tasks": ["lift-carrot"],
        "seed": 0,
    }


def test_a_task_with_one_outcome_only_is_not_offered_as_ready(world: Any) -> None:
    for robot in ("robot-1", "robot-7"):
        world.record_pair(robot, "lift-carrot")
    at = AppTest.from_function(_page).run()
    assert at.multiselect(key="detector-tasks").value == ["lift-carrot"]
    at.multiselect(key="detector-tasks").select("lift-any").run()
    assert "lift-any has no failure" in at.error[0].value
    assert at.multiselect(key="detector-tasks").value == ["lift-carrot", "lift-any"]


def test_the_report_shows_the_held_out_robot(world: Any) -> None:
    world.add_detector("first", ["lift-carrot"], failures=4, false_positives=1)
    at = AppTest.from_function(_page).run()
    assert not at.exception
    assert "takes 25.0% of the failures for success" in at.info[0].value
    row = at.table[0].value.iloc[0]
    assert row[["success", "failure"]].tolist() == ["2", "4"]
    assert row["false success (FP)"].startswith("25.0% (1 of 4")
    assert row["other-task FP"] == "no examples"
    assert at.table[0].value.iloc[-1]["other-task FP"] == "no examples"


def test_a_damaged_report_is_told_in_words(world: Any) -> None:
    summary = world.add_detector("first", ["lift-carrot"])
    (summary.folder / "report.json").write_text("{")
    at = AppTest.from_function(_page).run()
    assert not at.exception
    assert "report cannot be read" in at.error[0].value


def test_detectors_that_cannot_be_used_are_named_and_the_others_shown(world: Any) -> None:
    world.add_detector("good", ["lift-carrot"])
    newer = world.add_detector("newer", ["lift-carrot"]).folder / "config.json"
    newer.write_text(newer.read_text().replace('"format": 1', '"format": 9'))
    (world.add_detector("torn", ["lift-carrot"]).folder / "thresholds.json").write_text("{")
    at = AppTest.from_function(_page).run()
    assert not at.exception
    first, second = (warning.value for warning in at.warning[:2])
    assert "format 9" in first and "Update Goalpost" in first
    assert "damaged thresholds.json" in second
    assert len(at.selectbox(key="detector-report-good").options) == 1
