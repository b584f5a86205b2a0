"""Detectors as ONNX files, for programs without torch.

`detector.onnx` takes kept views and says probabilities; cropping and scaling are inside. A detector
with a second look has `finder.onnx` too, which says where in the kept views the gripper is.
`detector.json` says in words and numbers what is left to do around them: scaling the images, and
cutting out what lies round the gripper.

Shapes: N frames, V views, H and W pixels, T tasks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from data.episodes.frames import CAMERAS
from data.errors import unknown_name
from data.storage import write_atomically
from sd_model.artefact import FINDER, ROBOTS, WEIGHTS, DetectorSummary, load_summary
from sd_model.learning.acquaintance import load_acquaintances, with_statistics
from sd_model.learning.network import DetectorNetwork, build_network
from sd_model.looking.finder import FinderNetwork
from sd_model.tensors import load_weights

DETECTOR_FILE = "detector.onnx"
FINDER_FILE = "finder.onnx"
DESCRIPTION_FILE = "detector.json"

_LARGEST_BATCH = 4096


def export_detector(detector: Path, folder: Path, *, robot: str | None = None) -> list[Path]:
    """Write the detector whose folder is given into `folder`; returns the files.

    Needs the extra `onnx`. What it says agrees with torch to 1e-3: a test compares rendered frames.

    Args:
        robot: Whose frames it will judge, one that the detector has met; None: it looks as at
            robots in general, and errs more often.

    Raises:
        UnknownName: The detector has not met the robot.
        CorruptData: A file of the detector is missing or damaged.
        StorageFull: The disk is full.
    """
    summary = load_summary(detector)
    config = summary.config
    folder.mkdir(parents=True, exist_ok=True)
    network = build_network(config, len(summary.tasks), seed=0, device=torch.device("cpu"))
    load_weights(detector / WEIGHTS, network)
    if robot is not None:
        met = load_acquaintances(detector / ROBOTS) if config.robot_frames else {}
        if robot not in met:
            raise unknown_name("robot", robot, met, where=f"detector {summary.detector_id}")
        network = with_statistics(network, met[robot])
    sides = (config.kept_px, config.kept_cut_px, config.kept_place_px)
    looks = tuple(_example(side) for side in sides if side)
    crops = (config.image_px, config.cut_px, config.place_px)[: len(looks)]
    written = [folder / DETECTOR_FILE]
    names = ("views", "cuts", "places")[: len(looks)]
    write_onnx(_Judging(network, crops), looks, written[0], inputs=names, output="probability")
    if config.cut_px:
        finder = FinderNetwork(config.marks)
        load_weights(detector / FINDER, finder)
        written.append(folder / FINDER_FILE)
        write_onnx(_Finding(finder), looks[:1], written[1], inputs=names[:1], output="position")
    written.append(folder / DESCRIPTION_FILE)
    content = json.dumps(_description(summary) | {"robot": robot}, indent=1).encode()
    write_atomically(written[-1], content)
    return written


def write_onnx(
    module: nn.Module,
    example: tuple[Tensor, ...],
    path: Path,
    *,
    inputs: Sequence[str],
    output: str,
    dynamic: Sequence[Mapping[int, str]] | None = None,
) -> None:
    """Write a module as ONNX.

    Args:
        dynamic: Per input, its dimensions of any size, by a name that inputs may share; None: of
            every input the first.
    """
    named = [{0: "frames"} for _ in example] if dynamic is None else dynamic
    sizes = {
        name: torch.export.Dim(name, min=1, max=_LARGEST_BATCH)
        for each in named
        for name in each.values()
    }
    torch.onnx.export(
        module.eval(),
        example,
        str(path),
        input_names=list(inputs),
        output_names=[output],
        dynamic_shapes=[{axis: sizes[name] for axis, name in each.items()} for each in named],
        dynamo=True,
        external_data=False,
        verbose=False,
    )


class _Judging(nn.Module):
    """Kept looks, uint8 (N, V, H, W, 3), to probabilities (N, T)."""

    def __init__(self, network: DetectorNetwork, crops: Sequence[int]) -> None:
        super().__init__()
        self.network = network
        self.crops = tuple(crops)

    def forward(
        self,
        views_NVHWC: Tensor,
        cuts_NVHWC: Tensor | None = None,
        places_NVHWC: Tensor | None = None,
    ) -> Tensor:
        """The central crops are judged, as in `Detector.score`."""
        given = [each for each in (views_NVHWC, cuts_NVHWC, places_NVHWC) if each is not None]
        looks = [
            _scaled(_central(each, crop)) for each, crop in zip(given, self.crops, strict=True)
        ]
        looks += looks[:1] * (3 - len(looks))  # the network does not look at what is filled in
        probability_NT: Tensor = torch.sigmoid(self.network(*looks))
        return probability_NT


class _Finding(nn.Module):
    """Kept views, uint8 (N, V, H, W, 3), to the marks' positions in each, (N, M, V, 2)."""

    def __init__(self, network: FinderNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, views_NVHWC: Tensor) -> Tensor:
        """Positions as shares of width and height."""
        position_NMV2: Tensor = self.network(_scaled(views_NVHWC))
        return position_NMV2


def _example(side: int) -> Tensor:
    return torch.zeros(2, len(CAMERAS), side, side, 3, dtype=torch.uint8)


def _central(views_NVHWC: Tensor, side: int) -> Tensor:
    start = (views_NVHWC.shape[2] - side) // 2
    return views_NVHWC[:, :, start : start + side, start : start + side]


def _scaled(views_NVHWC: Tensor) -> Tensor:
    return views_NVHWC.permute(0, 1, 4, 2, 3).float() / 127.5 - 1.0


def _description(summary: DetectorSummary) -> dict[str, Any]:
    config = summary.config
    described: dict[str, Any] = {
        "detector": summary.detector_id,
        "cameras": list(CAMERAS),
        "tasks": list(summary.tasks.names),
        "thresholds": {name: each.value for name, each in summary.thresholds.items()},
        "views": f"Per camera, in this order: the RGB image scaled to {config.kept_px} x "
        f"{config.kept_px} pixels by area averaging (Pillow's BOX), uint8.",
        "probability": "Of success of every task; at the task's threshold and above, it succeeded. "
        "Goalpost itself also settles contradictions between tasks, as "
        "sd_model/judging/consistency.py does.",
    }
    if config.cut_px:
        described["cuts"] = (
            "finder.onnx says where the gripper is in each view (its first mark), as shares of "
            "width and height. "
            f"Round it a window of {config.kept_cut_share:.4f} of the original image's width is "
            f"cut and scaled to {config.kept_cut_px} x {config.kept_cut_px} pixels; "
            "sd_model/looking/cutting.py is how."
        )
    if config.place_px:
        described["places"] = (
            "finder.onnx's second mark is the place where objects are put down; round it a window "
            f"of {config.kept_place_share:.4f} of the width is cut likewise and scaled to "
            f"{config.kept_place_px} x {config.kept_place_px} pixels."
        )
    return described
