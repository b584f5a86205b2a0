from typing import Any

from app.verdict import holdout_verdict, reward_warnings, trust_summary, untrusted_lines
from sd_model.judging.report_files import load_report


def test_the_verdict_names_the_robot_and_both_errors(world: Any) -> None:
    summary = world.add_detector("first", ["lift-any"], failures=4, false_positives=2)
    assert holdout_verdict(load_report(summary.folder)) == (
        "On robot-7, whose answers it was never told, it misses 0.0% of the successes and takes "
        "50.0% of the failures for success (mean over tasks)."
    )


def test_what_cannot_be_told_and_what_nobody_knows_is_warned_of(world: Any) -> None:
    bad = world.add_detector("bad", ["lift-any"], successes=100, failures=100, false_positives=40)
    (warning,) = reward_warnings(load_report(bad.folder), ["lift-any"])
    assert "cannot tell success from failure" in warning
    assert "40 of 100" in warning
    thin = world.add_detector("thin", ["lift-any"], failures=4)
    (warning,) = reward_warnings(load_report(thin.folder), ["lift-any"])
    assert "too few examples to say" in warning
    assert "0 of 4 (0.0 to 49.0%)" in warning  # Wilson's upper bound: 3.84 / (4 + 3.84)
    blind = world.add_detector("blind", ["lift-any", "place-any"], failures=0)
    (warning,) = reward_warnings(load_report(blind.folder), ["lift-any", "place-any"])
    assert "a failure of lift-any and place-any" in warning


def test_the_summary_names_what_not_to_rely_on(world: Any) -> None:
    tasks = ["lift-any", "place-any"]
    summary = world.add_detector("first", tasks, successes=100, failures=100, false_positives=40)
    report = load_report(summary.folder)
    assert trust_summary(report) == (
        "On robot-7 it may be trusted for 0 of 2 tasks. It cannot tell lift-any and place-any."
    )
    assert [line.split(":")[0] for line in untrusted_lines(report)] == [
        "lift-any on robot-7", "place-any on robot-7",
    ]  # fmt: skip


def test_a_task_that_is_not_judged_is_named(world: Any) -> None:
    summary = world.add_detector("first", ["lift-any"], successes=100, failures=100)
    warnings = reward_warnings(load_report(summary.folder), ["lift-any", "place-any"])
    assert len(warnings) == 1
    assert "does not judge place-any" in warnings[0]


def test_a_well_judged_detector_is_not_warned_of(world: Any) -> None:
    summary = world.add_detector("first", ["lift-any"], successes=100, failures=100)
    assert reward_warnings(load_report(summary.folder), ["lift-any"]) == []
    assert untrusted_lines(load_report(summary.folder)) == []
