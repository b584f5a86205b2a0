"""How quickly `goalpost serve` answers under load, beside the bare network's throughput.

Starts the service on loopback with an untrained detector of a recipe (speed does not depend on what
was learned) and drives it with ApacheBench: one frame set a request, first one request at a time,
then many at once; once with a rendered frame, and once with noise, the dearest to send and decode.
Needs `ab` (Debian: apache2-utils).

    python -m benchmarks.scoring_service_load --recipe cpu --requests 200 --concurrency 16
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import re
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
import uvicorn

from app.scoring.keys import ApiKeys
from app.scoring.limits import Limits
from app.scoring.service import scoring_service
from data.cells.robots import SIMULATED_FLEET
from data.cells.simulated.cell import make_cell
from data.episodes.frames import CAMERAS, ImageHWC, Size, encode_jpeg
from data.tasks.tasks import SEED_TASKS
from data.workspace import Workspace, open_workspace
from sd_model.artefact import DetectorSummary
from sd_model.config import load_recipe
from sd_model.judging.detector import Detector
from sd_model.judging.thresholds import Threshold
from sd_model.learning.augmentation import Preprocessing
from sd_model.learning.network import build_network
from sd_model.looking.finder import Finder, FinderNetwork
from sd_model.serving.current import CurrentDetector, Trusted

HEIGHT_PX, WIDTH_PX = 256, 320
CPU = torch.device("cpu")


class Fixed(CurrentDetector):
    """Always the same detector."""

    def __init__(self, detector: Detector) -> None:
        self.trusted = Trusted(detector=detector, cells=())

    def refresh(self) -> bool:
        """Nothing newer comes."""
        return False


def untrained(recipe: str) -> Detector:
    """A detector of the recipe's size for the 12 tasks of the paper."""
    config = load_recipe(recipe, {})
    threshold = Threshold(
        value=0.5, way="default", failures=0, false_positives=0, bound=1.0, needed=1
    )
    summary = DetectorSummary(
        detector_id="untrained", folder=Path(), tasks=SEED_TASKS, holdout=(), created_at_ns=0,
        config=config, thresholds=dict.fromkeys(SEED_TASKS.names, threshold), seed=0,
        manifest_digest="",
    )  # fmt: skip
    network = build_network(config, len(SEED_TASKS), seed=0, device=CPU)
    finder = Finder(FinderNetwork(config.marks), CPU) if config.cut_px else None
    return Detector(summary, network.eval(), Preprocessing(config, finder), CPU)


def serve(root: Path, recipe: str, port: int) -> None:
    """The service, in a process of its own."""
    limits = Limits(per_second=1e6, burst=1_000_000)
    service = scoring_service(Workspace(root), Fixed(untrained(recipe)), limits=limits)
    uvicorn.run(service, host="127.0.0.1", port=port, log_level="error", access_log=False)


def bare_throughput(recipe: str, seconds: float) -> float:
    """Frame sets a second that `Detector.score` judges in full batches, without any service."""
    detector = untrained(recipe)
    images = np.random.default_rng(0).integers(0, 256, (HEIGHT_PX, WIDTH_PX, 3), dtype=np.uint8)
    batch = [dict.fromkeys(CAMERAS, images)] * 32
    detector.score(batch)
    judged, begin_s = 0, time.perf_counter()
    while time.perf_counter() - begin_s < seconds:
        detector.score(batch)
        judged += len(batch)
    return judged / (time.perf_counter() - begin_s)


def noise() -> dict[str, ImageHWC]:
    """Three views without anything in them."""
    generator = np.random.default_rng(1)
    shape = (HEIGHT_PX, WIDTH_PX, 3)
    return {camera: generator.integers(0, 256, shape, dtype=np.uint8) for camera in CAMERAS}


def rendered() -> dict[str, ImageHWC]:
    """Three views of a simulated cell."""
    with closing(make_cell(SIMULATED_FLEET[0])) as cell:
        cell.new_scene(0)
        return dict(cell.read(dict.fromkeys(CAMERAS, Size(WIDTH_PX, HEIGHT_PX))).images)


def request_body(path: Path, images: Mapping[str, ImageHWC]) -> None:
    """One frame set as multipart."""
    parts = []
    for camera, image in images.items():
        head = (
            f'--frames\r\nContent-Disposition: form-data; name="{camera}"; '
            f'filename="{camera}.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        )
        parts.append(head.encode() + encode_jpeg(image) + b"\r\n")
    path.write_bytes(b"".join(parts) + b"--frames--\r\n")


def drive(port: int, key: str, body: Path, requests: int, concurrency: int) -> tuple[float, int]:
    """Requests a second and the 95th percentile [ms], by ApacheBench."""
    told = subprocess.run(
        [
            "ab", "-q", "-k", "-n", str(requests), "-c", str(concurrency), "-p", str(body),
            "-T", "multipart/form-data; boundary=frames", "-H", f"Authorization: Bearer {key}",
            f"http://127.0.0.1:{port}/v1/score",
        ],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    rate = re.search(r"Requests per second:\s+([\d.]+)", told)
    slow = re.search(r"95%\s+(\d+)", told)
    if rate is None or slow is None or "Non-2xx" in told:
        raise SystemExit(told)
    return float(rate[1]), int(slow[1])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="cpu")
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--concurrency", type=int, default=16)
    chosen = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, "
          f"load {os.getloadavg()[0]:.1f}")  # fmt: skip
    bare = bare_throughput(chosen.recipe, 5.0)
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        workspace = open_workspace(Path(folder) / "workspace")
        key = ApiKeys(workspace).add("load")
        bodies = {"rendered": Path(folder) / "rendered", "noise": Path(folder) / "noise"}
        request_body(bodies["rendered"], rendered())
        request_body(bodies["noise"], noise())
        process = multiprocessing.get_context("spawn").Process(
            target=serve, args=(workspace.root, chosen.recipe, port), daemon=True
        )
        process.start()
        deadline_s = time.monotonic() + 300
        while time.monotonic() < deadline_s:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
                break
            except OSError:
                time.sleep(0.5)
        print(f"bare network: {bare:.1f} frame sets/s")
        for name, body in bodies.items():
            drive(port, key, body, 10, 1)
            _, alone_ms = drive(port, key, body, chosen.requests, 1)
            rate, crowd_ms = drive(port, key, body, chosen.requests, chosen.concurrency)
            print(f"{name}, one request at a time: 95% within {alone_ms} ms")
            print(f"{name}, {chosen.concurrency} at once: {rate:.1f} requests/s "
                  f"({rate / bare:.0%} of bare), 95% within {crowd_ms} ms")  # fmt: skip
        process.terminate()
        process.join()


if __name__ == "__main__":
    main()
