"""Starting the web server, and leaving nothing behind when it is stopped on purpose."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import click

import app
from data.catalog import Catalog
from data.cells.client import CellClient, running_hosts, stop_host
from data.compaction import adopt_shards
from data.errors import CellError, InvalidInput
from data.robots import load_robots
from data.task_store import load_tasks
from data.workspace import Workspace, default_root, open_workspace

_PACKAGE = Path(app.__file__).parent

STOP_S = 10.0
"""How long the server may take to let go of its visitors."""


def serve(root: Path | None, *, address: str, port: int) -> None:
    """Serve the app on `address`:`port` until it is interrupted.

    Raises:
        InvalidInput: The port is taken.
        WorkspaceError: The workspace cannot be opened.
    """
    workspace = open_workspace(root or default_root())
    load_tasks(workspace)
    load_robots(workspace)
    check_port_is_free(address, port)
    for damaged in adopt_shards(Catalog(workspace)):
        click.echo(f"Left out: {damaged}", err=True)
    click.echo(f"Workspace: {workspace.root}")
    click.echo(f"Goalpost: http://{address}:{port}  (stop with Ctrl-C)")
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "streamlit", "run", str(_PACKAGE / "asgi.py")),
            *("--server.address", address, "--server.port", str(port)),
            *("--server.headless", "true"),
        ],
        # Streamlit reads its settings from .streamlit/ in the folder it is started in.
        cwd=_PACKAGE.parent,
        env={**os.environ, "GOALPOST_WORKSPACE": str(workspace.root)},
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = server.wait()
    except KeyboardInterrupt:
        click.echo("Stopping ...")
        _stop(server)
        code = 0
    _stop_idle_hosts(workspace)
    sys.exit(code)


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(STOP_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def check_port_is_free(address: str, port: int) -> None:
    """Raises `InvalidInput` where nobody can listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise InvalidInput(
                f"Cannot listen on {address}:{port}: {error.strerror}.",
                next_step=f"Stop what uses it, or choose another: goalpost up --port {port + 1}",
            ) from error


def _stop_idle_hosts(workspace: Workspace) -> None:
    """Stop every cell host but those that are recording: a recording outlives the server."""
    for robot in running_hosts(workspace):
        try:
            with CellClient(workspace, robot) as cell:
                recording = cell.status().recording is not None
        except CellError:
            recording = False
        if recording:
            click.echo(f"{robot} is still recording; its host goes on.")
        else:
            stop_host(workspace, robot)
