"""Frames: what the three cameras of a cell saw at one moment."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from data.episodes.gripper import GripperReading
from data.errors import CorruptData

CAMERAS = ("over_shoulder", "left", "right")
"""The cameras of every cell, in the order in which networks see them."""

JPEG_QUALITY = 92
"""Pillow's scale, 1 to 95."""

_BEGIN_OF_JPEG = b"\xff\xd8"
_END_OF_IMAGE = b"\xff\xd9"
_AS_STORED = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION

ImageHWC = NDArray[np.uint8]
"""An RGB image, uint8, shape (height, width, 3)."""


class Size(NamedTuple):
    """An image's size in pixels."""

    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class FrameSet:
    """One synchronised set of images.

    A robot's step may lack the side cameras (only the terminal frame needs all three).
    """

    images: Mapping[str, ImageHWC]
    """Per camera, RGB uint8, (height, width, 3)."""
    timestamps_ns: Mapping[str, int]
    """Per camera, the time of capture [ns since the Unix epoch]."""
    gripper: GripperReading | None = None
    """The robot's gripper at that moment; None where no robot reports it."""


@dataclass(frozen=True, kw_only=True)
class EncodedFrameSet:
    """A `FrameSet` as it is stored and sent: JPEG bytes per camera."""

    jpegs: Mapping[str, bytes]
    timestamps_ns: Mapping[str, int]
    gripper: GripperReading | None = None

    def decode(self) -> FrameSet:
        """The images again. Raises `CorruptData` where a JPEG cannot be read."""
        return FrameSet(
            images={camera: decode_jpeg(jpeg) for camera, jpeg in self.jpegs.items()},
            timestamps_ns=self.timestamps_ns,
            gripper=self.gripper,
        )


def encode(frames: FrameSet) -> EncodedFrameSet:
    """Compress every image to JPEG."""
    return EncodedFrameSet(
        jpegs={camera: encode_jpeg(image) for camera, image in frames.images.items()},
        timestamps_ns=frames.timestamps_ns,
        gripper=frames.gripper,
    )


def encode_jpeg(image: ImageHWC) -> bytes:
    """JPEG bytes of an RGB image (4:4:4, since some tasks hang on a few coloured pixels)."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def decode_jpeg(jpeg: bytes) -> ImageHWC:
    """The RGB image in `jpeg`. Raises `CorruptData` where it cannot be read."""
    if jpeg.endswith(_END_OF_IMAGE):  # OpenCV would fill up an image that was cut short
        found = None
        with suppress(cv2.error):  # as for a size that no image has
            found = cv2.imdecode(np.frombuffer(jpeg, np.uint8), _AS_STORED)
        if found is not None:
            return np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), dtype=np.uint8)
    with _opened(jpeg) as image:
        return np.asarray(image.convert("RGB"))


def as_jpeg(content: bytes) -> bytes:
    """A stored image, JPEG or PNG, as JPEG; one that is JPEG already is not touched.

    Raises:
        CorruptData: It is neither, or cannot be read.
    """
    if content.startswith(_BEGIN_OF_JPEG):
        return content
    with _opened(content, "PNG") as image:
        return encode_jpeg(np.asarray(image.convert("RGB")))


def jpeg_size(jpeg: bytes) -> Size:
    """Size of the image in `jpeg`, from its header. Raises `CorruptData`."""
    with _opened(jpeg) as image:
        return Size(image.width, image.height)


@contextmanager
def _opened(content: bytes, form: str = "JPEG") -> Iterator[Image.Image]:
    try:
        # Nothing but the one format: Pillow hands some others to other programs.
        with Image.open(io.BytesIO(content), formats=(form,)) as image:
            yield image
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise CorruptData(
            f"A stored image of {len(content)} bytes is not a readable {form}.",
            next_step="Delete the episode it belongs to, or restore its shard from a backup.",
        ) from error


def resize(image: ImageHWC, size: Size) -> ImageHWC:
    """Scale an image to `size` with area averaging; the same array if it already fits."""
    if (image.shape[1], image.shape[0]) == size:
        return image
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))
