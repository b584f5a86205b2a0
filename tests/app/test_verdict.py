from typing import Any

from app.verdict import holdout_verdict, reward_warnings
from sd_model.judging.report_files import load_report


def test_the_verdict_names_the_robot_and_both_errors(world: Any) -> None:
    summary = world.add_detector("first", ["lift-any"], failures=4, false_positives=2)
    assert holdout_verdict(load_report(summary.folder)) == (
        "On robot-7, which it has never seen, it misses 0.0% of the successes and takes 50.0% of "
        "the failures for success (mean over tasks)."
    )


def test_a_high_rate_an_uncertain_one_and_an_unknown_one_are_warned_of(world: Any) -> None:
    bad = world.add_detector("bad", ["lift-any"], failures=100, false_positives=3)
    (warning,) = reward_warnings(load_report(bad.folder), ["lift-any"])
    assert "3.0% of the failures are taken for success" in warning
    thin = world.add_detector("thin", ["lift-any"], failures=4)
    (warning,) = reward_warnings(load_report(thin.folder), ["lift-any"])
    assert "only 4 episodes of failure" in warning
    assert "up to 49.0%" in warning  # Wilson's upper bound of 0 in 4: 3.84 / (4 + 3.84)
    blind = world.add_detector("blind", ["lift-any", "place-any"], failures=0)
    (warning,) = reward_warnings(load_report(blind.folder), ["lift-any", "place-any"])
    assert "a failure of lift-any and place-any" in warning


def test_a_task_that_is_not_judged_is_named(world: Any) -> None:
    summary = world.add_detector("first", ["lift-any"], failures=100)
    warnings = reward_warnings(load_report(summary.folder), ["lift-any", "place-any"])
    assert len(warnings) == 1
    assert "does not judge place-any" in warnings[0]


def test_a_well_judged_detector_is_not_warned_of(world: Any) -> None:
    summary = world.add_detector("first", ["lift-any"], failures=100)
    assert reward_warnings(load_report(summary.folder), ["lift-any"]) == []
