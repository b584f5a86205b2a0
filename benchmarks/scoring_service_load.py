"""How quickly `goalpost serve` answers under load, beside the bare network's throughput.

Starts the service on loopback with a detector and its report and drives it with wrk: one frame set
a request, first one request at a time, then many at once; once with a rendered frame, and once with
noise, the dearest to send and decode. Each on connections that are kept, as clients of a service
keep them, and on a fresh one for every request. Bare is `Detector.score` on decoded images in full
batches, with all threads on one batch or with a batch a core, whichever does more. Needs `wrk`
(Debian: wrk).

    python -m benchmarks.scoring_service_load --detector FOLDER --seconds 8 --concurrency 16
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
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
WRK_SCRIPT = """
function init(args)
  local file = assert(io.open(args[1], "rb"))
  wrk.method = "POST"
  wrk.body = file:read("*a")
  wrk.headers["Content-Type"] = "multipart/form-data; boundary=frames"
  wrk.headers["Authorization"] = "Bearer " .. args[2]
  wrk.headers["Connection"] = args[3]
end
function done(summary, latency)
  local failed = summary.errors
  io.write(string.format(
    '\\n{"requests": %d, "seconds": %f, "p95_ms": %f, "errors": %d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(95) / 1e3,
    failed.connect + failed.read + failed.write + failed.status + failed.timeout))
end
"""
"""A request of a body, a key, and what becomes of the connection; the last line printed is JSON."""


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


class Load(NamedTuple):
    """Drives a service that runs."""

    service: psutil.Process
    url: str
    key: str
    script: Path
    """For wrk."""

    def drive(self, body: Path, *, seconds: int, at_once: int, connection: str) -> dict[str, float]:
        """What wrk saw, and the processor time that a request cost the service."""
        before = self.service.cpu_times()
        told = subprocess.run(
            [
                "wrk", "--threads", "1", "--connections", str(at_once), "--duration", f"{seconds}s",
                "--timeout", "30s", "--script", str(self.script), self.url,
                "--", str(body), self.key, connection,
            ],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        after = self.service.cpu_times()
        seen: dict[str, float] = json.loads(told.splitlines()[-1])
        if seen["errors"]:
            raise SystemExit(told)
        cpu_s = after.user + after.system - before.user - before.system
        return {
            "per_s": round(seen["requests"] / seen["seconds"], 1),
            "p95_ms": round(seen["p95_ms"], 1),
            "service_cpu_ms": round(1000 * cpu_s / seen["requests"], 1),
        }


def main() -> None:
    """Measure, write and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--detector", type=Path, required=True)
    parser.add_argument("--seconds", type=int, default=8, help="Of each of eight loads.")
    parser.add_argument("--concurrency", type=int, default=16)
    chosen = parser.parse_args()
    views = {"rendered": rendered(), "noise": noise()}
    found: dict[str, Any] = {
        "load": round(os.getloadavg()[0], 1),
        "at_once": chosen.concurrency,
    }
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
        script = Path(folder) / "load.lua"
        script.write_text(WRK_SCRIPT)
        load = Load(psutil.Process(process.pid), f"http://127.0.0.1:{port}/v1/score", key, script)
        for name, images in views.items():
            body = Path(folder) / name
            request_body(body, images)
            load.drive(body, seconds=1, at_once=1, connection="keep-alive")
            bare = bare_throughput(chosen.detector, images, 5.0)
            found[name] = {"bare_per_s": round(bare, 1)}
            for words, connection in (("kept", "keep-alive"), ("fresh", "close")):
                alone, crowd = (
                    load.drive(body, seconds=chosen.seconds, at_once=at_once, connection=connection)
                    for at_once in (1, chosen.concurrency)
                )
                found[name][f"{words}_connections"] = {
                    "alone": alone,
                    "at_once": crowd,
                    "of_bare": round(crowd["per_s"] / bare, 3),
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
