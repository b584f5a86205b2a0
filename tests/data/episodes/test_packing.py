from dataclasses import replace

import pytest

from data.episodes.frames import EncodedFrameSet
from data.episodes.gripper import GripperReading
from data.episodes.packing import pack, unpack
from data.errors import CorruptData

FRAMES = EncodedFrameSet(
    jpegs={"over_shoulder": b"abc", "left": b"", "right": b"de"},
    timestamps_ns={"over_shoulder": 1_795_219_741_433_791_305, "left": 2, "right": 3},
)


def test_what_is_packed_comes_back() -> None:
    assert unpack(pack(FRAMES)) == FRAMES


def test_the_grippers_reading_comes_back() -> None:
    seen = replace(FRAMES, gripper=GripperReading(1.0, 0.5, -0.2, 0.1, 0.7))
    assert unpack(pack(seen)) == seen


@pytest.mark.parametrize("length", [0, 3, 10, -1])
def test_cut_bytes_are_refused(length: int) -> None:
    with pytest.raises(CorruptData, match="cut short or damaged"):
        unpack(pack(FRAMES)[:length])


def test_surplus_bytes_are_refused() -> None:
    with pytest.raises(CorruptData):
        unpack(pack(FRAMES) + b"x")
