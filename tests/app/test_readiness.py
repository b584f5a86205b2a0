from collections.abc import Iterable

from app.readiness import LabelCounts, Tally, count_labels, judge_readiness, proposed_holdout
from data.labels import Label, LabelOutcome
from data.tasks import SEED_TASKS


def _label(
    episode_id: str, task: str, outcome: LabelOutcome, frame_index: int | None = None
) -> Label:
    return Label(
        label_id=f"{episode_id}-{task}-{frame_index}",
        episode_id=episode_id,
        frame_index=frame_index,
        task=task,
        outcome=outcome,
        by="ana",
        source="person",
        at_ns=1,
    )


def _counts(labels: Iterable[Label]) -> LabelCounts:
    robot_of = {"a": "robot-1", "b": "robot-1", "c": "robot-2", "d": "robot-2"}
    return count_labels(labels, robot_of, SEED_TASKS)


_PAIRS = [
    _label("a", "lift-carrot", "success"),
    _label("b", "lift-carrot", "failure"),
    _label("c", "lift-carrot", "success"),
    _label("d", "lift-carrot", "failure"),
]


def test_a_clip_counts_once_and_brings_what_follows_from_it() -> None:
    counts = _counts(_PAIRS)
    assert counts.of("lift-carrot") == Tally(success=2, failure=2)
    assert counts.of("lift-carrot", ["robot-1"]) == Tally(success=1, failure=1)
    assert counts.of("lift-any") == Tally(derived_success=2)
    assert counts.of("lift-banana") == Tally(derived_failure=2)
    assert counts.of("place-any") == Tally()
    assert counts.robots == ("robot-1", "robot-2")


def test_unsure_answers_and_unknown_episodes_or_tasks_count_for_nothing() -> None:
    counts = _counts(
        [
            _label("a", "lift-any", "unsure"),
            _label("gone", "lift-any", "success"),
            _label("a", "fold-towel", "success"),
        ]
    )
    assert counts.robots == ()
    assert counts.unsure == 1


def test_labels_that_cannot_all_be_true_stop_training() -> None:
    counts = _counts(
        [*_PAIRS, _label("a", "lift-any", "failure")],
    )
    assert counts.conflicts == ("a",)
    (problem,) = judge_readiness(counts, ["lift-carrot"], ["robot-2"]).problems
    assert "1 episode" in problem
    assert "Label page: a." in problem


def test_enough_to_begin_with_is_said_to_be_little() -> None:
    verdict = judge_readiness(_counts(_PAIRS), ["lift-carrot"], ["robot-2"])
    assert verdict.problems == []
    (caution,) = verdict.cautions
    assert "only 1 success and 1 failure" in caution


def test_a_task_without_failures_on_the_training_robots_is_refused() -> None:
    verdict = judge_readiness(_counts(_PAIRS), ["lift-any"], ["robot-2"])
    assert verdict.problems == [
        "lift-any has no failure on the robots that train it (robot-1). Record a pair, or leave "
        "the task out."
    ]


def test_a_held_out_robot_without_one_outcome_leaves_a_blank() -> None:
    verdict = judge_readiness(_counts(_PAIRS[:3]), ["lift-carrot"], ["robot-2"])
    assert verdict.problems == []
    assert "lift-carrot has no failure on robot-2, so the report" in verdict.cautions[-1]


def test_something_must_be_chosen_held_out_and_left() -> None:
    counts = _counts(_PAIRS)
    assert judge_readiness(counts, [], ["robot-2"]).problems == ["Choose at least one task."]
    assert "Hold out at least one" in judge_readiness(counts, ["lift-carrot"], []).problems[0]
    everything = judge_readiness(counts, ["lift-carrot"], ["robot-1", "robot-2"])
    assert "every labelled robot (robot-1 and robot-2) is held out" in everything.problems[0]
    unlabelled = judge_readiness(counts, ["lift-carrot"], ["robot-3"])
    assert "robot-3 has no labels" in unlabelled.problems[0]
    nothing = judge_readiness(LabelCounts(tallies={}), ["lift-carrot"], ["robot-1"])
    assert nothing.problems[0].startswith("Nothing is labelled yet.")


def test_the_robot_that_judges_most_tasks_is_proposed_for_the_holdout() -> None:
    both, failures = Tally(success=1, failure=1), Tally(failure=3)
    tallies = {
        "lift-any": {"robot-1": both, "robot-2": both, "robot-3": failures},
        "place-any": {"robot-1": both, "robot-2": both},
    }
    assert proposed_holdout(LabelCounts(tallies=tallies), tallies) == ["robot-2"]
    alone = {"lift-any": {"robot-1": both}}
    assert proposed_holdout(LabelCounts(tallies=alone), alone) == []
