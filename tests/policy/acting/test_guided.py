import numpy as np
import pytest

from data.cells.protocol import RobotState, Start
from policy.acting.behaviours import Guided, Observation, make_action
from policy.acting.collector import is_over
from policy.acting.scripted import PickReflex


def _at(height_m: float, *, closed: float = 0.0) -> Observation:
    return Observation(
        image_HWC=np.zeros((8, 8, 3), dtype=np.uint8), state=RobotState(closed, height_m)
    )


def test_the_reflex_descends_closes_at_the_floor_or_on_an_object_and_lifts() -> None:
    script = PickReflex()
    script.begin("lift-any", np.random.default_rng(0))
    assert script.act(_at(0.15))[2] == -1
    assert script.act(_at(0.05))[2] == -1  # gained 10 cm
    assert script.act(_at(0.04))[6] == 1  # stopped on something
    assert script.act(_at(0.04, closed=1.0))[2] == 1
    script.begin("lift-any", np.random.default_rng(0))
    assert script.act(_at(0.01))[6] == 1


def test_a_guided_behaviour_gives_the_script_its_share() -> None:
    class Aside:
        name = "policy:p"

        def begin(self, task: str, generator: np.random.Generator) -> None:
            pass

        def act(self, observation: Observation) -> np.ndarray:
            return make_action(dx_m=0.08)

    guided = Guided(Aside(), PickReflex(), share=0.25)
    assert guided.name == "policy:p"
    guided.begin("lift-any", np.random.default_rng(0))
    down = [guided.act(_at(0.2))[2] == -1 for _ in range(800)]
    assert np.mean(down) == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize(
    ("closed", "height_m", "start", "over"),
    [
        (1.0, 0.2, Start.PICK, True),
        (1.0, 0.1, Start.PICK, False),
        (0.0, 0.2, Start.PICK, False),
        (0.0, 0.2, Start.PLACE, True),
        (1.0, 0.2, Start.PLACE, False),
    ],
)
def test_the_script_ends_a_pick_closed_and_high_and_a_place_open_and_high(
    closed: float, height_m: float, start: Start, over: bool
) -> None:
    assert is_over(RobotState(closed, height_m), start) is over
