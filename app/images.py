"""Images of recorded frames by signed address, read in batches and kept for a while."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from urllib.parse import urlencode

from app.tokens import sign
from data.episodes.frames import CAMERAS, EncodedFrameSet
from data.episodes.shards import FrameRef, read_frames
from data.errors import CorruptData
from data.workspace import Workspace

IMAGE_ROUTE = "/goalpost/image"
KEPT_FRAMES = 240
"""Frame sets held in memory; three JPEGs each, together about 0.1 MB."""


class FrameCache:
    """The frame sets that were asked for last, shared by all pages and the image route."""

    def __init__(self, kept: int = KEPT_FRAMES) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._frames: OrderedDict[tuple[str, FrameRef], EncodedFrameSet] = OrderedDict()

    def read(self, workspace: Workspace, refs: Sequence[FrameRef]) -> list[EncodedFrameSet]:
        """The frame sets of `refs`, in order; what is not in memory is read in one batch.

        Raises:
            CorruptData: A shard cannot be read; names it.
        """
        root = str(workspace.root)
        with self._lock:
            missing = [ref for ref in dict.fromkeys(refs) if (root, ref) not in self._frames]
            found = dict(zip(missing, read_frames(workspace, missing), strict=True))
            for ref in dict.fromkeys(refs):
                if ref in found:
                    self._frames[root, ref] = found[ref]
                else:
                    self._frames.move_to_end((root, ref))
            frames = [self._frames[root, ref] for ref in refs]
            while len(self._frames) > self._kept:
                self._frames.popitem(last=False)
        return frames

    def read_what_can_be(
        self, workspace: Workspace, refs: Sequence[FrameRef]
    ) -> dict[str, CorruptData]:
        """Read the frame sets of `refs` into memory, all but those of damaged shards.

        Returns:
            The error of each damaged shard, by its name.
        """
        try:
            self.read(workspace, refs)
        except CorruptData:
            pass
        else:
            return {}
        damaged: dict[str, CorruptData] = {}
        for ref in refs:
            if ref.shard not in damaged:
                try:
                    self.read(workspace, [ref])
                except CorruptData as error:
                    damaged[ref.shard] = error
        return damaged


FRAMES = FrameCache()
"""The one cache of this process."""


def image_subject(ref: FrameRef, camera: str) -> str:
    """What the token of an image's address is signed for."""
    return f"image:{ref.shard}:{ref.episode_id}:{ref.frame_index}:{camera}"


def image_urls(ref: FrameRef, *, now_s: float) -> dict[str, str]:
    """Per camera, the signed address of its image in one frame."""
    return {camera: _image_url(ref, camera, now_s) for camera in CAMERAS}


def _image_url(ref: FrameRef, camera: str, now_s: float) -> str:
    query = urlencode(
        {
            "shard": ref.shard,
            "episode": ref.episode_id,
            "frame": ref.frame_index,
            "camera": camera,
            "token": sign(image_subject(ref, camera), now_s=now_s),
        }
    )
    return f"{IMAGE_ROUTE}?{query}"
