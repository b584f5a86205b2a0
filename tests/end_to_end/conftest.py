"""A workspace, the app served on it by `goalpost up`, its pages, and the command line."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest
from click.testing import CliRunner
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

from app.cli import goalpost as command
from data.catalog.catalog import Catalog
from data.cells.client import running_hosts, stop_host
from data.episodes.episodes import Episode, EpisodeInfo, Step
from data.episodes.frames import CAMERAS, EncodedFrameSet, encode_jpeg
from data.episodes.index import save_episodes
from data.labels.labels import Label, append_labels
from data.runs.runs import Run, launch
from data.tasks.tasks import SEED_TASKS
from data.workspace import Workspace, open_workspace
from sd_model.artefact import WEIGHTS, DetectorSummary, save_summary
from sd_model.config import load_recipe
from sd_model.judging.thresholds import Threshold

if TYPE_CHECKING:
    from tests.conftest import SmallDisk

GOALPOST = Path(sys.executable).with_name("goalpost")
PATIENCE_S = 240.0
_NOW_NS = 1_790_000_000_000_000_000


@dataclass(frozen=True, kw_only=True)
class ServedApp:
    """A running `goalpost up`."""

    port: int
    process: subprocess.Popen[bytes]

    def page(self, name: str) -> str:
        """Open a page as a browser does, and give everything it showed once it was complete."""
        origin = f"http://127.0.0.1:{self.port}"
        with urllib.request.urlopen(f"{origin}/{name}", timeout=PATIENCE_S) as shell:
            assert shell.status == 200
        ask = BackMsg()
        ask.rerun_script.page_name = name
        shown: list[str] = []
        with connect(
            f"ws://127.0.0.1:{self.port}/_stcore/stream",
            origin=origin,  # type: ignore[arg-type]
            max_size=None,
        ) as stream:
            stream.send(ask.SerializeToString())
            while True:
                message = ForwardMsg()
                message.ParseFromString(bytes(stream.recv(timeout=PATIENCE_S)))
                kind = message.WhichOneof("type")
                if kind == "delta":
                    shown.append(str(message.delta))
                if kind == "script_finished":
                    return "\n".join(shown)

    @property
    def server(self) -> int:
        """The process that serves, below `goalpost up`."""
        return int(psutil.Process(self.process.pid).children()[0].pid)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A new workspace, which is also the one that pages open; its hosts are stopped afterwards."""
    workspace = open_workspace(tmp_path / "workspace")
    monkeypatch.setenv("GOALPOST_WORKSPACE", str(workspace.root))
    yield workspace
    for robot in running_hosts(workspace):
        stop_host(workspace, robot)


@pytest.fixture
def serve(workspace: Workspace, tmp_path: Path) -> Iterator[Callable[[], ServedApp]]:
    """Runs `goalpost up`; may be called again after the first was killed."""
    with ExitStack() as stack:
        log = stack.enter_context((tmp_path / "up.log").open("wb"))

        def start() -> ServedApp:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = int(probe.getsockname()[1])
            process = subprocess.Popen(
                [GOALPOST, "up", "--workspace", workspace.root, "--port", str(port)],
                stdout=log,
                stderr=log,
            )
            stack.callback(_stop, process)
            deadline_s = time.monotonic() + PATIENCE_S
            while not _answers(port):
                assert process.poll() is None, (tmp_path / "up.log").read_text()
                assert time.monotonic() < deadline_s
                time.sleep(0.2)
            return ServedApp(port=port, process=process)

        yield start


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(PATIENCE_S)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2):
            return True
    except OSError:
        return False


@pytest.fixture
def goalpost(workspace: Workspace) -> Callable[..., str]:
    """Calls `goalpost GROUP ARGUMENTS` on the workspace; gives what it said where it should."""

    def call(*arguments: str, fails: bool = False) -> str:
        group, *rest = arguments
        result = CliRunner().invoke(command, [group, "--workspace", str(workspace.root), *rest])
        assert result.exit_code == (1 if fails else 0), result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result.stderr if fails else result.stdout

    return call


@pytest.fixture
def small_disk(
    mount_small_disk: Callable[[str], AbstractContextManager[SmallDisk]],
) -> Iterator[SmallDisk]:
    """Mounted for one test."""
    with mount_small_disk("32m") as disk:
        yield disk


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool]], None]:
    """Waits for another process."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline_s, "waited too long"
            time.sleep(0.05)

    return wait


@pytest.fixture
def launch_policy_run() -> Callable[[Run, str], None]:
    """Launches `goalpost policy execute` after a line of Python that lets it save more often."""

    def launch_after(run: Run, line: str) -> None:
        code = f"{line}; from policy.cli import policy; policy()"
        launch(run, [sys.executable, "-c", code, "execute", str(run.folder)])

    return launch_after


@pytest.fixture
def flush_often() -> str:
    """For `launch_policy_run`: write a collection's episodes two at a time."""
    return (
        "import functools, policy.acting.collector as c; "
        "c.CollectionConfig = functools.partial(c.CollectionConfig, flush_episodes=2)"
    )


@pytest.fixture
def record_pairs() -> Callable[..., None]:
    """Labelled clips of lift-any: bright frames are successes, dark ones failures."""

    def record(workspace: Workspace, robots: Sequence[str], *, scenes: int) -> None:
        catalog = Catalog(workspace)
        for robot in robots:
            clips = [
                _clip(robot, scene, outcome, shade)
                for scene in range(scenes)
                for outcome, shade in (("success", 220), ("failure", 40))
            ]
            save_episodes(catalog, clips)
            append_labels(catalog, [_clip_label(clip) for clip in clips])

    return record


def _clip(robot: str, scene: int, outcome: Any, shade: int) -> Episode:
    images = np.random.default_rng(scene).integers(shade - 30, shade + 30, (48, 64, 3))
    frames = EncodedFrameSet(
        jpegs=dict.fromkeys(CAMERAS, encode_jpeg(images.astype(np.uint8))),
        timestamps_ns=dict.fromkeys(CAMERAS, _NOW_NS),
    )
    info = EpisodeInfo(
        episode_id=f"{robot}-{scene:02d}-{outcome}",
        robot=robot,
        kind="clip",
        behaviour="person",
        task="lift-any",
        outcome=outcome,
        pair_id=f"{robot}-{scene}",
        recorded_at_ns=_NOW_NS,
        step_count=2,
    )
    return Episode(info=info, steps=(Step(frames=frames),) * 2)


def _clip_label(clip: Episode) -> Label:
    return Label(
        label_id=f"label-{clip.info.episode_id}",
        episode_id=clip.info.episode_id,
        frame_index=None,
        task="lift-any",
        outcome=clip.info.outcome or "unsure",
        by="ann",
        source="clip",
        at_ns=_NOW_NS,
    )


@pytest.fixture
def record_robot_episodes() -> Callable[..., None]:
    """Robots' episodes of two actions, grey all over."""

    def record(workspace: Workspace, count: int) -> None:
        save_episodes(Catalog(workspace), [_robot_episode(number) for number in range(count)])

    return record


def _robot_episode(number: int) -> Episode:
    jpeg = encode_jpeg(np.full((48, 64, 3), 40 * number, np.uint8))
    steps = tuple(
        Step(
            frames=EncodedFrameSet(
                jpegs=dict.fromkeys(CAMERAS, jpeg), timestamps_ns=dict.fromkeys(CAMERAS, _NOW_NS)
            ),
            state=np.array([0.0, 0.1], np.float32),
            action=None if last else np.zeros(8, np.float32),
            done=index > 0,
        )
        for index, last in enumerate((False, False, True))
    )
    info = EpisodeInfo(
        episode_id=f"episode-{number}",
        robot="robot-1",
        kind="robot",
        behaviour="noisy",
        task="lift-any",
        outcome=None,
        start="pick",
        recorded_at_ns=_NOW_NS + number,
        step_count=len(steps),
    )
    return Episode(info=info, steps=steps)


@pytest.fixture
def tiny() -> dict[str, Any]:
    """Overrides of the detector's smoke recipe: all of a training, and nothing learned."""
    return {
        "image_px": 32, "channels": 4, "stages": [[2, 1, 3]], "grid": 2, "projection": 8,
        "hidden": 8, "batch_size": 4, "checkpoint_every": 2, "report_every": 1,
    }  # fmt: skip


@pytest.fixture
def untrained_detector() -> Callable[[Workspace], str]:
    """Puts a detector that was never trained into a workspace; gives its id."""

    def put(workspace: Workspace) -> str:
        import torch

        from sd_model.learning.network import build_network
        from sd_model.tensors import save_weights

        folder = workspace.detectors / "untrained"
        config = load_recipe("smoke", {"robot_frames": 0})
        network = build_network(config, len(SEED_TASKS), seed=0, device=torch.device("cpu"))
        save_weights(folder / WEIGHTS, network)
        chosen = Threshold(
            value=0.5, way="default", failures=0, false_positives=0, needed=0, bound=1.0
        )
        save_summary(
            DetectorSummary(
                detector_id=folder.name,
                folder=folder,
                tasks=SEED_TASKS,
                holdout=(),
                created_at_ns=1,
                config=config,
                thresholds=dict.fromkeys(SEED_TASKS.names, chosen),
                seed=0,
                manifest_digest="",
            )
        )
        return folder.name

    return put
