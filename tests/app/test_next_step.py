from dataclasses import replace

import pytest

from app.next_step import Facts, checklist, next_step

_ROUND = Facts(
    tasks=12,
    paired_tasks=3,
    paired_robots=3,
    robot_episodes=60,
    labelled_terminal_frames=60,
    detectors=1,
    reviewed_labels=2,
    policies=1,
)


@pytest.mark.parametrize(
    ("facts", "page", "action"),
    [
        (Facts(), "tasks", "Define a task"),
        (Facts(tasks=12), "record", "Record a pair"),
        (Facts(tasks=12, paired_tasks=1, paired_robots=1), "record", "Record a pair"),
        (Facts(tasks=12, paired_tasks=1, paired_robots=2), "policy", "Collect episodes"),
        (replace(_ROUND, labelled_terminal_frames=0), "label", "Label episodes"),
        (replace(_ROUND, labelled_terminal_frames=19, detectors=0), "label", "Label episodes"),
        (replace(_ROUND, labelled_terminal_frames=20, detectors=0), "detector", "Train a detector"),
        (
            replace(_ROUND, robot_episodes=4, labelled_terminal_frames=4, detectors=0),
            "detector",
            "Train a detector",
        ),
        (replace(_ROUND, labelled_terminal_frames=4), "record", "Record a pair"),
        (replace(_ROUND, reviewed_labels=0), "review", "Review mistakes"),
        (replace(_ROUND, policies=0), "policy", "Retrain a policy"),
        (replace(_ROUND, labels_since_detector=4), "detector", "Train the detector again"),
        (replace(_ROUND, policy_detector_is_newest=False), "policy", "Retrain the policy"),
        (_ROUND, "record", "Record a pair"),
    ],
)
def test_the_next_step_follows_from_what_exists(facts: Facts, page: str, action: str) -> None:
    step = next_step(facts)
    assert (step.page, step.action) == (page, action)


def test_how_many_labels_a_first_detector_wants_is_said() -> None:
    step = next_step(replace(_ROUND, labelled_terminal_frames=11, detectors=0))
    assert step.text == "Label how 9 more episodes ended."


def test_defining_a_task_opens_its_form() -> None:
    step = next_step(Facts())
    assert (step.page, step.query) == ("tasks", {"tasks-tab": "Define a task"})
    assert next_step(Facts(tasks=12)).query == {}


def test_exactly_one_step_of_an_unfinished_loop_is_next() -> None:
    states = [step.state for step in checklist(Facts(tasks=12))]
    assert states == ["done", "next", "later", "later", "later", "later"]


def test_a_detector_trained_early_is_done_although_nothing_was_collected() -> None:
    steps = checklist(replace(_ROUND, robot_episodes=0, labelled_terminal_frames=0))
    assert [step.state for step in steps] == ["done", "done", "next", "done", "done", "done"]


def test_one_robot_is_not_enough_since_one_is_held_out() -> None:
    step = next_step(Facts(tasks=12, paired_tasks=1, paired_robots=1))
    assert "second robot" in step.text
