from __future__ import annotations

import numpy as np
import pytest

from data.cells.protocol import ActionA, RobotState
from data.errors import InvalidInput
from policy.acting.behaviours import Observation
from policy.acting.scripted import Scripted, ScriptedPick, ScriptedPlace

OPEN, CLOSE, TERMINATE = 5, 6, 7


def played(
    script: Scripted | ScriptedPick | ScriptedPlace,
    heights_m: list[float],
    seed: int = 0,
    *,
    closed: float = 0.0,
) -> list[ActionA]:
    """The actions of an episode in which the gripper is at these heights, one after another."""
    script.begin("lift-any", np.random.default_rng(seed))
    image_HWC = np.zeros((8, 8, 3), dtype=np.uint8)
    return [
        script.act(Observation(image_HWC=image_HWC, state=RobotState(closed, height_m)))
        for height_m in heights_m
    ]


def words(actions: list[ActionA]) -> list[str]:
    def word(action: ActionA) -> str:
        for index, name in ((OPEN, "open"), (CLOSE, "close"), (TERMINATE, "end")):
            if action[index]:
                return name
        return "down" if action[2] < 0 else "up" if action[2] > 0 else "aside"

    return [word(action) for action in actions]


def test_picking_goes_down_to_the_floor_closes_lifts_and_ends() -> None:
    script = ScriptedPick(lift_steps=2)
    actions = played(script, [0.25, 0.17, 0.09, 0.01, 0.01, 0.09, 0.17, 0.17])
    assert words(actions) == ["down", "down", "down", "close", "up", "up", "end", "end"]


def test_picking_closes_where_an_object_stops_it() -> None:
    # The second step down gains 3 cm of its 8.
    actions = played(ScriptedPick(lift_steps=1), [0.25, 0.17, 0.14, 0.14, 0.22])
    assert words(actions) == ["down", "down", "close", "up", "end"]


def test_placing_wanders_descends_opens_retracts_and_ends() -> None:
    script = ScriptedPlace(wander_steps=2, retract_steps=2)
    actions = played(script, [0.2, 0.2, 0.2, 0.12, 0.04, 0.01, 0.01, 0.09, 0.17])
    assert words(actions) == [
        "aside", "aside", "down", "down", "down", "open", "up", "up", "end",
    ]  # fmt: skip


def test_a_script_that_never_arrives_gives_up_descending() -> None:
    heights_m = [3.0 - 0.08 * step for step in range(12)]
    assert words(played(ScriptedPick(lift_steps=3), heights_m)).count("down") <= 7


def test_each_episode_is_drawn_anew_and_repeats_with_its_seed() -> None:
    script = ScriptedPick()
    first, second, again = (played(script, [0.25, 0.17], seed=seed) for seed in (1, 2, 1))
    assert (np.stack(first) == np.stack(again)).all()
    assert (np.stack(first) != np.stack(second)).any()


def test_the_script_follows_from_how_the_episode_begins() -> None:
    heights_m = [0.2, 0.12, 0.04, 0.01, 0.01]
    script = Scripted()
    assert words(played(script, heights_m)) == ["down", "down", "down", "close", "up"]
    assert words(played(script, heights_m, closed=1.0))[0] == "aside"
    assert words(played(script, heights_m))[0] == "down"


def test_acting_before_an_episode_is_refused() -> None:
    with pytest.raises(InvalidInput, match="before an episode had begun"):
        ScriptedPlace().act(
            Observation(image_HWC=np.zeros((8, 8, 3), dtype=np.uint8), state=RobotState(1.0, 0.2))
        )
