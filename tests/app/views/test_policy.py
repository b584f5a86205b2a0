from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import jobs
from data.runs.runs import list_runs
from data.tasks.changes import define_task
from data.tasks.tasks import Task


def _page() -> None:
    from app.views.policy import render

    render()


def _text(at: AppTest) -> str:
    return "\n".join(element.value for element in at.markdown)


@pytest.fixture(autouse=True)
def _no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are written down but not carried out: the page is what is tested."""
    monkeypatch.setattr(jobs, "launch", lambda run, command: None)


def test_an_empty_workspace_begins_with_collecting(world: Any) -> None:
    at = AppTest.from_function(_page).run()
    assert not at.exception
    assert at.button(key="collect").label == "Collect episodes"
    at.session_state["policy-tabs-"] = "Retrain"
    assert "No robot has acted yet" in _text(at.run())


def test_episodes_are_collected_with_a_fresh_seed_each_time(world: Any) -> None:
    at = AppTest.from_function(_page).run()
    at.multiselect(key="collect-robots").unselect("robot-3").run()
    at.button(key="collect").click().run()
    at.button(key="collect").click().run()
    assert not at.exception
    second, first = list_runs(world.workspace)
    assert first.spec == {
        "robots": ["robot-1", "robot-2"],
        "behaviour": "scripted-pick",
        "policy": None,
        "tasks": ["lift-any"],
        "episodes_per_robot": 20,
        "seed": 0,
    }
    assert second.spec["seed"] == 1
    assert any("collecting episodes, collecting episodes" in info.value for info in at.info)


def test_robots_try_what_people_have_shown(world: Any) -> None:
    define_task(world.catalog, Task(name="put-left", skill="place", implies=("place-any",)))
    world.record_pair("robot-1", "lift-can")
    world.record_pair("robot-1", "put-left")
    world.record_pair("robot-2", "put-left")
    at = AppTest.from_function(_page).run()
    assert at.selectbox(key="collect-behaviour").value == "scripted-place"
    tried = at.multiselect(key="collect-tasks-scripted-place-None")
    assert (tried.value, tried.options[0]) == (["put-left"], "put-left")
    assert "Recorded too, but not for who acts now: lift-can." in "\n".join(
        each.value for each in at.caption
    )


def test_a_task_of_a_skill_that_no_script_knows_is_tried_by_chance(world: Any) -> None:
    define_task(world.catalog, Task(name="wipe-table", skill="wipe"))
    world.record_pair("robot-1", "wipe-table")
    at = AppTest.from_function(_page).run()
    assert at.selectbox(key="collect-behaviour").value == "noisy"
    assert at.multiselect(key="collect-tasks-noisy-None").value == ["wipe-table"]


def test_collecting_without_a_robot_is_refused_and_the_form_stays(world: Any) -> None:
    at = AppTest.from_function(_page).run()
    at.number_input(key="collect-episodes").set_value(7)
    at.multiselect(key="collect-robots").set_value([]).run()
    at.button(key="collect").click().run()
    assert "No robot is chosen" in at.error[0].value
    assert at.number_input(key="collect-episodes").value == 7
    assert list_runs(world.workspace) == []


def test_retraining_needs_a_detector(world: Any) -> None:
    world.act("robot-1", "lift-any")
    at = AppTest.from_function(_page).run()
    assert "There is no detector yet" in _text(at)


def test_retraining_warns_of_false_positives_and_starts(world: Any) -> None:
    world.act("robot-1", "lift-any")
    world.act("robot-7", "lift-any")  # does not collect, so that its episode is not counted
    world.add_detector("first", ["lift-any"], failures=10, false_positives=3)
    at = AppTest.from_function(_page).run()
    assert "3 of 10 (10.8 to 60.3%) failures taken for success" in at.warning[0].value
    at.radio(key="retrain-strategy").set_value("orig").run()
    at.button(key="retrain").click().run()
    assert not at.exception
    (run,) = list_runs(world.workspace)
    assert run.kind == "train-policy"
    assert run.spec == {
        "recipe": "cpu",
        "overrides": {},
        "detector": "first",
        "tasks": ["lift-any"],
        "strategy": "orig",
        "success_share": 1.0,
        "failure_share": 1.0,
        "updates": 6000,
        "from_policy": None,
        "evaluation_episodes": 10,
        "compare_script": True,
        "robots": ["robot-7"],
        "collect_robots": [f"robot-{number}" for number in range(1, 7)],
        "episodes": 4001,
        "processes": 0,
        "seed": 0,
    }


def test_a_result_is_compared_with_the_policy_it_started_from(world: Any) -> None:
    world.add_policy("1-old", "lift-any", successes=1, interval=(0.02, 0.20))
    world.add_policy("2-new", "lift-any", successes=9, interval=(0.6, 0.98), from_policy="1-old")
    at = AppTest.from_function(_page).run()
    assert not at.exception
    assert "clearly better than before" in _text(at)
    at.button(key="evaluate-2-new").click().run()
    (run,) = list_runs(world.workspace)
    assert run.kind == "evaluate-policy"
    assert run.spec["policy"] == "2-new"


def test_what_cannot_be_used_is_named_and_the_rest_is_offered(world: Any) -> None:
    world.act("robot-1", "lift-any")
    world.add_detector("good", ["lift-any"])
    (world.add_detector("torn", ["lift-any"]).folder / "config.json").write_text("{")
    world.add_policy("kept", "lift-any")
    (world.add_policy("lost", "lift-any") / "lineage.json").unlink()
    at = AppTest.from_function(_page).run()
    assert not at.exception
    assert "lineage.json" in "\n".join(warning.value for warning in at.warning)
    assert len(at.selectbox(key="policy-result-kept").options) == 1
    at.session_state["policy-tabs-kept"] = "Retrain"
    told = "\n".join(warning.value for warning in at.run().warning)
    assert "The detector 'torn' has a damaged config.json" in told.replace("\\", "")
    assert len(at.selectbox(key="retrain-detector").options) == 1


def test_the_episodes_of_a_policy_are_watched_success_beside_failure(world: Any) -> None:
    world.add_policy("20260101-a", "lift-any")
    world.act(
        "robot-1",
        "lift-any",
        labelled=False,
        behaviour="policy:20260101-a",
        truth={"lift-any": True},
    )
    world.act("robot-1", "lift-any", number=1, behaviour="policy:20260101-a")
    world.act("robot-1", "lift-any", number=2)
    at = AppTest.from_function(_page).run()
    assert not at.exception
    assert not at.error
    assert "2 episodes kept, 1 success." in "\n".join(each.value for each in at.caption)
    assert at.selectbox(key="watch-success").options == [
        "lift-any on robot-1, 2026-09-21 14:13 UTC, by the simulator"
    ]
    # The person's label stands above all; here it says failure.
    assert at.selectbox(key="watch-other").options[0].endswith("by ana")
    assert at.button(key="values-20260101-a").label == "Show what the policy expected"


def test_a_policy_is_compared_with_the_newest_older_one(world: Any) -> None:
    world.add_policy("20260101-a", "lift-any", successes=1, interval=(0.02, 0.40))
    world.add_policy("20260102-b", "lift-any", successes=9, interval=(0.60, 0.98))
    at = AppTest.from_function(_page).run()
    assert not at.exception
    assert "clearly better than before" in _text(at)
    assert "From policy to policy" in "\n".join(each.value for each in at.subheader)
