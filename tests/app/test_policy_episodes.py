from typing import Any

import numpy as np
import pytest

from app.policy_episodes import action_words, episodes_of, known_values, work_out_values
from data.errors import RunError
from policy.artefact import values_path


def _action(*values: float) -> np.ndarray:
    return np.asarray(values, dtype=np.float32)


def test_an_action_is_said_in_centimetres_and_degrees() -> None:
    # A full step is 8 cm; sine 0.5 and cosine 0.866 turn by 30 degrees.
    words = action_words(_action(0.5, -0.25, 0, 0.5, 0.866, 0, 1, 0))
    assert words == "Next: 4.0 cm away, 2.0 cm right, turns 30° left, closes the gripper."
    assert action_words(_action(0, 0, 0, 0, 1, 0, 0, 0)) == "Next: stays where it is."
    assert action_words(None) == "The episode has ended."


def test_a_label_counts_more_than_the_simulator(world: Any) -> None:
    world.act("robot-1", "lift-any", behaviour="policy:p", truth={"lift-any": True})
    world.act("robot-2", "lift-any", behaviour="policy:p", labelled=False)
    found = {each.episode.info.robot: each for each in episodes_of(world.catalog, "p")}
    assert (found["robot-1"].outcome, found["robot-1"].said_by) == ("failure", "ana")
    assert found["robot-2"].outcome is None


def test_values_are_remembered_and_a_failure_says_why(world: Any) -> None:
    assert known_values(world.workspace, "p", "e") is None
    path = values_path(world.workspace, "p", "e")
    path.parent.mkdir(parents=True)
    path.write_text("[0.25, 0.5]")
    assert known_values(world.workspace, "p", "e") == [0.25, 0.5]
    with pytest.raises(RunError, match="could not be worked out"):
        work_out_values(world.workspace, "p", ["nothing"])
