from __future__ import annotations

import numpy as np

from sd_model.looking.cutting import cut

# 100 x 80 pixels, each holding its column and its row: a window of share 0.2 is 20 x 20 pixels.
IMAGE_HWC = np.stack(
    [*np.meshgrid(np.arange(100, dtype=np.uint8), np.arange(80, dtype=np.uint8)),
     np.zeros((80, 100), dtype=np.uint8)], axis=2,
)  # fmt: skip


def test_the_position_is_in_the_middle() -> None:
    window = cut(IMAGE_HWC, np.array([0.5, 0.5]), share=0.2, side_px=20)

    np.testing.assert_array_equal(window, IMAGE_HWC[30:50, 40:60])


def test_a_window_at_the_edge_is_moved_inside() -> None:
    window = cut(IMAGE_HWC, np.array([0.99, 0.0]), share=0.2, side_px=20)

    np.testing.assert_array_equal(window, IMAGE_HWC[:20, 80:])


def test_the_same_part_of_the_view_is_cut_at_any_size() -> None:
    large_HWC = IMAGE_HWC.repeat(2, axis=0).repeat(2, axis=1)
    position = np.array([0.33, 0.61])

    small = cut(IMAGE_HWC, position, share=0.3, side_px=12).astype(int)
    large = cut(large_HWC, position, share=0.3, side_px=12).astype(int)

    assert np.abs(small - large).max() <= 1
