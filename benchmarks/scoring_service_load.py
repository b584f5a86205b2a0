"""How quickly `goalpost serve` answers under load, beside the bare network's throughput.

Starts the service on loopback with a detector and its report and drives it with ApacheBench: one
frame set a request, first one request at a time, then many at once; once with a rendered frame, and
once with noise, the dearest to send and decode. Bare is `Detector.score` on decoded images in full
batches, with all threads on one batch or with a batch a core, whichever does more. Needs `ab`
(Debian: apache2-utils).

    python -m benchmarks.scoring_service_load --detector FOLDER --requests 400 --concurrency 16
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import torch
import uvicorn

from app.scoring.keys import ApiKeys
from app.scoring.limits import Limits
from app.scoring.serving import on_all_cores
from benchmarks.provenance import provenance
from data.cells.robots import SIMULATED_FLEET
from data.cells.simulated.cell import make_cell
from data.episodes.frames import CAMERAS, ImageHWC, Size, encode_jpeg
from data.workspace import Workspace, open_workspace
from sd_model.judging.detector import Detector
from sd_model.judging.report_files import load_report
from sd_model.serving.current import CurrentDetector, Trusted

HEIGHT_PX, WIDTH_PX = 256, 320
RESULTS = Path(__file__).parent / "results" / "service.json"
BATCH = 32


class Fixed(CurrentDetector):
    """Always the same detector."""

    def __init__(self, folder: Path) -> None:
        held_out = tuple(cell for cell in load_report(folder).cells if cell.split == "holdout")
        self.trusted = Trusted(detector=Detector.load(folder), cells=held_out)

    def refresh(self) -> bool:
        """Nothing newer comes."""
        return False


def serve(root: Path, detector: Path, port: int) -> None:
    """The service, in a process of its own."""
    limits = Limits(per_second=1e6, burst=1_000_000)
    service = on_all_cores(Workspace(root), Fixed(detector), limits=limits)
    uvicorn.run(service, host="127.0.0.1", port=port, log_level="error", access_log=False)


def bare_throughput(folder: Path, images: Mapping[str, ImageHWC], seconds: float) -> float:
    """Frame sets a second that `Detector.score` judges in full batches, without any service."""
    detector = Detector.load(folder)
    cores = os.cpu_count() or 1
    return max(
        _judged_a_second(detector, images, seconds, threads=cores, workers=1),
        _judged_a_second(detector, images, seconds, threads=1, workers=cores),
    )


def _judged_a_second(
    detector: Detector,
    images: Mapping[str, ImageHWC],
    seconds: float,
    *,
    threads: int,
    workers: int,
) -> float:
    torch.set_num_threads(threads)
    batch = [images] * BATCH

    def judge(until_s: float) -> int:
        judged = 0
        while time.perf_counter() < until_s:
            detector.score(batch)
            judged += len(batch)
        return judged

    judge(time.perf_counter() + 1)
    begin_s = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        judged = sum(pool.map(judge, [begin_s + seconds] * workers))
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
    """Measure, write and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--detector", type=Path, required=True)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--concurrency", type=int, default=16)
    chosen = parser.parse_args()
    views = {"rendered": rendered(), "noise": noise()}
    found: dict[str, Any] = {"load": round(os.getloadavg()[0], 1)}
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        workspace = open_workspace(Path(folder) / "workspace")
        key = ApiKeys(workspace).add("load")
        process = multiprocessing.get_context("spawn").Process(
            target=serve, args=(workspace.root, chosen.detector, port), daemon=True
        )
        process.start()
        _wait_for(port)
        for name, images in views.items():
            body = Path(folder) / name
            request_body(body, images)
            drive(port, key, body, 20, 1)
            alone, alone_ms = drive(port, key, body, chosen.requests, 1)
            crowd, crowd_ms = drive(port, key, body, chosen.requests, chosen.concurrency)
            bare = bare_throughput(chosen.detector, images, 5.0)
            found[name] = {
                "alone_p95_ms": alone_ms,
                "alone_per_s": round(alone, 1),
                "at_once": chosen.concurrency,
                "at_once_p95_ms": crowd_ms,
                "at_once_per_s": round(crowd, 1),
                "bare_per_s": round(bare, 1),
                "of_bare": round(crowd / bare, 3),
            }
        process.terminate()
        process.join()
    found |= provenance()
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(RESULTS.read_text())


def _wait_for(port: int) -> None:
    deadline_s = time.monotonic() + 300
    while time.monotonic() < deadline_s:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise SystemExit("The service did not come up.")


if __name__ == "__main__":
    main()
