from dataclasses import replace
from typing import Any

from app.policies import comparison_sentences, list_policy_cards


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
