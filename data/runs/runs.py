"""Runs: background jobs in processes of their own, described by a folder each.

`spec.json` says what to do, `status.json` how far it is, `metrics.jsonl` and `log.txt` what
happened, `process.json` which process does it. Nothing of a run lives in the app, so it outlives a
reload of the page and a restart of the app.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
import psutil

from data.errors import CorruptData, InvalidInput, RunError, unknown_name
from data.runs.priority import RUN_NICENESS, set_priority
from data.storage import full_disk_is_an_error, read_json, write_atomically
from data.workspace import Workspace

RunKind = Literal[
    "train-detector", "score-episodes", "collect", "train-policy", "evaluate-policy",
    "import", "export", "undo-import",
]  # fmt: skip
RunState = Literal["queued", "running", "done", "failed", "cancelled", "lost"]
FINISHED: frozenset[RunState] = frozenset({"done", "failed", "cancelled", "lost"})

CANCEL_GRACE_S = 10.0
"""A cancelled run that has not ended by then is asked again, by SIGTERM."""

_START_TOLERANCE_S = 10.0  # psutil derives a process's start from the clock, which may be set


@dataclass(frozen=True, kw_only=True)
class RunStatus:
    """How far a run is."""

    state: RunState = "queued"
    """`lost`: its process is gone without having said how it ended."""
    progress: float = 0.0
    """Share done, 0 to 1."""
    message: str = ""
    """What it is doing, in plain words."""
    pid: int | None = None
    started_at_ns: int | None = None
    """[ns since the Unix epoch]"""
    updated_at_ns: int | None = None
    """[ns since the Unix epoch]"""
    result: dict[str, Any] = field(default_factory=dict)
    """What it made, such as a detector's id."""
    error: str | None = None
    """Why it failed, in plain words."""


class _StoredRun(msgspec.Struct, frozen=True):
    """The content of `spec.json`."""

    kind: RunKind
    created_at_ns: int
    spec: dict[str, Any]


class _StoredProcess(msgspec.Struct, frozen=True):
    """The content of `process.json`."""

    pid: int
    started_s: float


@dataclass(frozen=True, kw_only=True)
class Run:
    """One background job."""

    run_id: str
    kind: RunKind
    folder: Path
    spec: Mapping[str, Any]
    """All it needs to know; depends on the kind."""
    created_at_ns: int
    """[ns since the Unix epoch]"""

    @property
    def workspace(self) -> Workspace:
        """The workspace it belongs to."""
        return Workspace(self.folder.parent.parent)

    @property
    def status_path(self) -> Path:
        """Written by the run's process alone."""
        return self.folder / "status.json"

    @property
    def process_path(self) -> Path:
        """Which process carries out the run."""
        return self.folder / "process.json"

    @property
    def cancel_path(self) -> Path:
        """There once a cancel has been asked."""
        return self.folder / "cancel"

    @property
    def log_path(self) -> Path:
        """Everything the process printed."""
        return self.folder / "log.txt"

    @property
    def metrics_path(self) -> Path:
        """One JSON object a line."""
        return self.folder / "metrics.jsonl"

    def status(self) -> RunStatus:
        """How far it is now."""
        status = self._stored_status()
        if status.state in FINISHED:
            return status
        if not self.process_path.exists():
            return replace(status, state="cancelled") if self.cancel_path.exists() else status
        if self._process() is not None:
            return status
        status = self._stored_status()  # it may have ended between the two looks
        if status.state in FINISHED:
            return status
        if self.cancel_path.exists():
            return replace(status, state="cancelled", message="Cancelled.")
        tail = self.log_tail(5).strip()
        return replace(
            status,
            state="lost",
            error="Its process is gone without saying why (killed, or the machine was restarted)."
            + (f" Last lines of its log: {tail}" if tail else ""),
        )

    def metrics(self) -> list[dict[str, Any]]:
        """The rows of metrics so far, by rising step.

        A run that goes on after a kill repeats the work since its last checkpoint: what it had
        written of that is left out, and so is a line that a power cut tore.
        """
        rows: list[dict[str, Any]] = []
        for line in _complete_lines(self.metrics_path):
            try:
                row = json.loads(line)
            except ValueError:
                continue
            while rows and rows[-1]["step"] >= row["step"]:
                rows.pop()
            rows.append(row)
        return rows

    def log_tail(self, lines: int) -> str:
        """The last lines it printed."""
        if not self.log_path.exists():
            return ""
        with self.log_path.open("rb") as file:
            end = file.seek(0, 2)
            file.seek(max(0, end - 400 * lines))
            text = file.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def cancel(self) -> None:
        """Ask it to stop; it does so at its next report of progress. Asking a finished run is fine.

        A run that has not stopped after `CANCEL_GRACE_S` is sent SIGTERM.
        """
        self.cancel_path.touch()
        timer = threading.Timer(CANCEL_GRACE_S, self._terminate)
        timer.daemon = True
        timer.start()

    def _terminate(self) -> None:
        process = self._process()
        if process is not None and self.status().state not in FINISHED:
            process.terminate()

    def _stored_status(self) -> RunStatus:
        try:
            return msgspec.convert(read_json(self.status_path), RunStatus)
        except FileNotFoundError:
            return RunStatus()
        except (ValueError, TypeError) as error:
            raise _corrupt(self.status_path, error) from error

    def _process(self) -> psutil.Process | None:
        """Its process, if it still runs."""
        try:
            stored = msgspec.convert(read_json(self.process_path), _StoredProcess)
            process = psutil.Process(stored.pid)
            started = process.create_time()
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
        except (FileNotFoundError, psutil.NoSuchProcess):
            return None
        except (ValueError, TypeError, KeyError) as error:
            raise _corrupt(self.process_path, error) from error
        same = abs(started - stored.started_s) < _START_TOLERANCE_S
        return process if same else None


def create_run(
    workspace: Workspace,
    kind: str,
    spec: Mapping[str, Any],
    *,
    clock: Callable[[], int] = time.time_ns,
) -> Run:
    """Write down a new run; `launch` starts it.

    Raises:
        InvalidInput: There is no such kind of run.
    """
    if kind not in get_args(RunKind):
        raise InvalidInput(f"There is no run of kind '{kind}'.", valid=get_args(RunKind))
    now_ns = clock()
    stamp = datetime.fromtimestamp(now_ns // 1_000_000_000, UTC).strftime("%Y%m%d-%H%M%S")
    run_id = f"{stamp}-{now_ns // 1_000_000 % 1000:03d}-{kind}-{secrets.token_hex(2)}"
    folder = workspace.runs / run_id
    content = json.dumps({"kind": kind, "created_at_ns": now_ns, "spec": dict(spec)}, indent=1)
    write_atomically(folder / "spec.json", content.encode() + b"\n")
    return open_run(folder)


def find_or_create_run(workspace: Workspace, kind: RunKind, spec: Mapping[str, Any]) -> Run:
    """The newest run of this kind with exactly this spec, so that a command given again goes on;
    a new one where there is none."""
    same = [run for run in list_runs(workspace) if (run.kind, dict(run.spec)) == (kind, dict(spec))]
    return same[0] if same else create_run(workspace, kind, spec)


def launch(run: Run, command: Sequence[str]) -> None:
    """Start the run's process in a session of its own, with low priority, and do not wait for it.

    Args:
        command: Program and arguments; what it prints goes to the run's log.

    Raises:
        RunError: The program cannot be started, or the run was started before.
    """
    if run.process_path.exists():
        raise RunError(
            "The run has been started before.",
            where=run.folder,
            next_step="Create a new run with the same spec.",
        )
    with full_disk_is_an_error(run.log_path), run.log_path.open("ab") as log:
        try:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise RunError(
                f"The run could not be started ({error}).",
                where=run.folder,
                next_step="Check that the machine has memory and process slots left.",
            ) from error
    set_priority(process.pid, RUN_NICENESS)
    register_process(run, process.pid)
    # Waiting for it reaps it, so that a run that ends does not stay behind as a zombie.
    threading.Thread(target=process.wait, daemon=True).start()


def register_process(run: Run, pid: int) -> None:
    """Write down which process carries out the run."""
    try:
        started_s = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        started_s = 0.0  # it has ended already
    write_atomically(
        run.process_path, json.dumps({"pid": pid, "started_s": started_s}).encode() + b"\n"
    )


def open_run(folder: Path) -> Run:
    """The run whose folder is given. Raises `CorruptData` where its spec cannot be read."""
    path = folder / "spec.json"
    try:
        stored = msgspec.convert(read_json(path), _StoredRun)
        return Run(
            run_id=folder.name,
            kind=stored.kind,
            folder=folder.resolve(),
            spec=stored.spec,
            created_at_ns=stored.created_at_ns,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _corrupt(path, error) from error


def list_runs(workspace: Workspace) -> list[Run]:
    """Every run, newest first; folders without a readable spec are passed over."""
    runs: list[Run] = []
    for path in workspace.runs.glob("*/spec.json"):
        try:
            runs.append(open_run(path.parent))
        except CorruptData:
            continue
    return sorted(runs, key=lambda run: (run.created_at_ns, run.run_id), reverse=True)


def load_run(workspace: Workspace, run_id: str) -> Run:
    """The run called `run_id`. Raises `UnknownName` where there is none."""
    known = [run.run_id for run in list_runs(workspace)]
    if run_id not in known and not (workspace.runs / run_id / "spec.json").exists():
        raise unknown_name("run", run_id, known, where=workspace.runs)
    return open_run(workspace.runs / run_id)


def status_json(status: RunStatus) -> bytes:
    """The content of `status.json`."""
    return json.dumps(asdict(status)).encode() + b"\n"


def _complete_lines(path: Path) -> list[bytes]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    return content[: content.rfind(b"\n") + 1].splitlines()


def _corrupt(path: Path, error: Exception) -> CorruptData:
    return CorruptData(
        f"A file of a run cannot be read ({error}).",
        where=path,
        next_step="Move the run's folder out of the workspace and start the run again.",
    )
