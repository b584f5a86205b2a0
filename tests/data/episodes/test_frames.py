"""Images survive their way through JPEG, and unreadable ones say so."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from data.episodes.frames import (
    FrameSet,
    Size,
    decode_jpeg,
    encode,
    encode_jpeg,
    jpeg_size,
    resize,
)
from data.errors import CorruptData


def test_colours_and_times_survive() -> None:
    image = np.zeros((32, 48, 3), dtype=np.uint8)
    image[:, 24:] = (250, 120, 10)
    frames = FrameSet(images={"left": image}, timestamps_ns={"left": 7})
    again = encode(frames).decode()
    assert again.timestamps_ns == {"left": 7}
    assert again.images["left"].shape == (32, 48, 3)
    assert np.abs(again.images["left"].astype(int) - image).max() <= 12


@pytest.mark.parametrize(
    "jpeg", [b"", b"not a picture", encode_jpeg(np.zeros((64, 64, 3), np.uint8))[:300]]
)
def test_a_damaged_image_is_an_error_in_words(jpeg: bytes) -> None:
    with pytest.raises(CorruptData, match=f"{len(jpeg)} bytes"):
        decode_jpeg(jpeg)


@pytest.mark.parametrize("read", [decode_jpeg, jpeg_size])
def test_an_image_that_claims_an_impossible_size_or_is_no_jpeg_is_an_error_in_words(read) -> None:
    jpeg = bytearray(encode_jpeg(np.zeros((8, 8, 3), np.uint8)))
    size = jpeg.index(b"\xff\xc0") + 5  # of the frame header: height and width, two bytes each
    jpeg[size : size + 4] = b"\xff\xdc\xff\xdc"
    with pytest.raises(CorruptData):
        read(bytes(jpeg))
    png = io.BytesIO()
    Image.new("RGB", (8, 8)).save(png, "PNG")
    with pytest.raises(CorruptData):
        read(png.getvalue())


def test_scaling_averages() -> None:
    image = np.zeros((2, 4, 3), dtype=np.uint8)
    image[:, 1::2] = 100
    small = resize(image, Size(2, 1))
    assert small.shape == (1, 2, 3)
    assert (small == 50).all()
    assert resize(image, Size(4, 2)) is image


def test_every_pixel_is_what_pillow_reads() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (37, 51, 3), dtype=np.uint8)
    jpeg = encode_jpeg(noise)
    with Image.open(io.BytesIO(jpeg)) as image:
        np.testing.assert_array_equal(decode_jpeg(jpeg), np.asarray(image))


def test_an_image_that_lost_its_last_bytes_is_damaged() -> None:
    jpeg = encode_jpeg(np.zeros((40, 40, 3), np.uint8))
    with pytest.raises(CorruptData):
        decode_jpeg(jpeg[: len(jpeg) // 2])
    with pytest.raises(CorruptData):
        decode_jpeg(b"\xff\xd9")
