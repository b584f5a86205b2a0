from __future__ import annotations

import pytest

from data.cameras.windows import Window, window_round
from data.errors import InvalidInput


def test_a_window_lies_round_its_position() -> None:
    assert window_round((0.5, 0.5), share=0.4) == pytest.approx((0.3, 0.25, 0.4, 0.5))


@pytest.mark.parametrize(
    ("position", "corner"), [((0.0, 0.0), (0.0, 0.0)), ((1.2, 0.9), (0.6, 0.5))]
)
def test_near_an_edge_it_is_moved_inside(
    position: tuple[float, float], corner: tuple[float, float]
) -> None:
    window = window_round(position, share=0.4)
    assert window[:2] == pytest.approx(corner)
    window.check()


@pytest.mark.parametrize(
    "window", [Window(-0.1, 0, 0.5, 0.5), Window(0, 0.6, 0.5, 0.5), Window(0.2, 0.2, 0.0, 0.5)]
)
def test_what_is_no_part_of_the_view_is_refused(window: Window) -> None:
    with pytest.raises(InvalidInput, match="no part of a camera's view"):
        window.check()
