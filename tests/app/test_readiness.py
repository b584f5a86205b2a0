from app.readiness import judge_readiness, learnable, proposed_holdout
from data.catalog.counts import OutcomeCounts, Tally

_PAIR = Tally(success=1, failure=1)


def _counts(second: Tally = _PAIR, **more: object) -> OutcomeCounts:
    """A pair of lift-carrot on robot-1, and as told on robot-2; what follows for lift-any."""
    return OutcomeCounts(
        tallies={
            "lift-carrot": {"robot-1": _PAIR, "robot-2": second},
            "lift-any": {robot: Tally(derived_success=1) for robot in ("robot-1", "robot-2")},
        },
        **more,  # type: ignore[arg-type]
    )


def test_labels_that_cannot_all_be_true_are_told_and_do_not_stop_training() -> None:
    verdict = judge_readiness(
        _counts(conflicts=("a",), conflict_count=1), ["lift-carrot"], ["robot-2"]
    )
    assert verdict.problems == []
    assert "1 episode" in verdict.cautions[0]
    assert "Label page: a." in verdict.cautions[0]


def test_enough_to_begin_with_is_said_to_be_little() -> None:
    verdict = judge_readiness(_counts(), ["lift-carrot"], ["robot-2"])
    assert verdict.problems == []
    (caution,) = verdict.cautions
    assert "only 1 success and 1 failure" in caution


def test_a_task_without_failures_on_the_training_robots_is_refused() -> None:
    verdict = judge_readiness(_counts(), ["lift-any"], ["robot-2"])
    assert verdict.problems == [
        "lift-any has no failure on the robots that train it (robot-1). Record a pair, or leave "
        "the task out."
    ]


def test_a_held_out_robot_without_one_outcome_leaves_a_blank() -> None:
    verdict = judge_readiness(_counts(Tally(success=1)), ["lift-carrot"], ["robot-2"])
    assert verdict.problems == []
    assert "lift-carrot has no failure on robot-2, so the report" in verdict.cautions[-1]


def test_something_must_be_chosen_held_out_and_left() -> None:
    counts = _counts()
    assert judge_readiness(counts, [], ["robot-2"]).problems == ["Choose at least one task."]
    assert "Hold out at least one" in judge_readiness(counts, ["lift-carrot"], []).problems[0]
    everything = judge_readiness(counts, ["lift-carrot"], ["robot-1", "robot-2"])
    assert "every labelled robot (robot-1 and robot-2) is held out" in everything.problems[0]
    unlabelled = judge_readiness(counts, ["lift-carrot"], ["robot-3"])
    assert "robot-3 has no labels" in unlabelled.problems[0]
    nothing = judge_readiness(OutcomeCounts(tallies={}), ["lift-carrot"], ["robot-1"])
    assert nothing.problems[0].startswith("Nothing is labelled yet.")


def test_the_robot_that_judges_most_tasks_is_proposed_for_the_holdout() -> None:
    both, failures = Tally(success=1, failure=1), Tally(failure=3)
    tallies = {
        "lift-any": {"robot-1": both, "robot-2": both, "robot-3": failures},
        "place-any": {"robot-1": both, "robot-2": both},
    }
    assert proposed_holdout(OutcomeCounts(tallies=tallies), tallies) == ["robot-2"]
    alone = {"lift-any": {"robot-1": both}}
    assert proposed_holdout(OutcomeCounts(tallies=alone), alone) == []


def test_what_only_the_held_out_robot_shows_is_neither_proposed_nor_decides_which_it_is() -> None:
    """A lone success on a third robot, and failures everywhere, teach and judge nothing yet."""
    both, failure = Tally(success=1, failure=1), Tally(derived_failure=1)
    tallies = {
        "lift-any": {"robot-1": both, "robot-2": both, "robot-3": Tally(failure=4)},
        "lift-carrot": {"robot-1": failure, "robot-2": failure, "robot-3": both},
    }
    counts = OutcomeCounts(tallies=tallies)
    assert proposed_holdout(counts, tallies) == ["robot-2"]
    assert learnable(counts, tallies, ["robot-2"]) == ["lift-any", "lift-carrot"]
    assert learnable(counts, tallies, ["robot-3"]) == ["lift-any"]
