from dataclasses import replace
from typing import Any

from app.policies import comparison_sentences, list_policy_cards, where_judged


def test_policies_are_listed_newest_first_and_a_damaged_one_hides_no_other(world: Any) -> None:
    world.add_policy("20260101-a", "lift-any")
    world.add_policy("20260102-b", "lift-any", from_policy="20260101-a")
    broken = world.add_policy("20260103-c", "lift-any")
    (broken / "lineage.json").write_text("{")
    newest, oldest = list_policy_cards(world.workspace)
    assert (newest.policy_id, oldest.policy_id) == ("20260102-b", "20260101-a")
    assert newest.from_policy == "20260101-a"
    assert newest.updates == 300
    assert newest.results["lift-any"].successes == 5


def test_only_intervals_apart_count_as_better_or_worse(world: Any) -> None:
    world.add_policy("1", "lift-any", successes=1, interval=(0.02, 0.40))
    world.add_policy("2", "lift-any", successes=9, interval=(0.60, 0.98))
    world.add_policy("3", "lift-any", successes=5, interval=(0.24, 0.76))
    middle, good, poor = list_policy_cards(world.workspace)
    assert "clearly better than before" in comparison_sentences(good, poor)[0]
    assert "clearly worse than before" in comparison_sentences(poor, good)[0]
    assert "may be chance" in comparison_sentences(middle, poor)[0]
    assert comparison_sentences(good, None) == [
        "lift-any: 9 of 10 attempts succeeded (90%, between 60 and 98%)."
    ]


def test_a_policy_is_told_beside_the_script_it_began_from(world: Any) -> None:
    world.add_policy("1", "lift-any", successes=3, interval=(0.11, 0.60))
    world.add_policy("2", "lift-any", successes=9, interval=(0.60, 0.98))
    good, script = list_policy_cards(world.workspace)
    assert comparison_sentences(replace(good, script=script.results), None) == [
        "lift-any: 9 of 10 attempts succeeded (90%, between 60 and 98%). The script that it began "
        "from: 30%, between 11 and 60%, in the same scenes."
    ]


def test_a_result_on_a_robot_that_taught_the_policy_is_told_as_such(world: Any) -> None:
    world.add_policy("1", "lift-any")
    [card] = list_policy_cards(world.workspace)
    assert (card.judged_on, card.taught_by) == ((), None)
    card = replace(card, judged_on=("robot-6", "robot-7"))
    assert where_judged(card) == "Judged on robot-6 and robot-7."
    apart = replace(card, taught_by=("robot-1",))
    assert where_judged(apart).endswith("of which it has learned nothing.")
    known = replace(card, taught_by=("robot-1", "robot-6"))
    assert "it has learned from episodes of robot-6, so" in where_judged(known)
