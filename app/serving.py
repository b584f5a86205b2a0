"""Starting the web server, and leaving nothing behind when it is stopped on purpose."""

from __future__ import annotations

import http.client
import ipaddress
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import click

import app
from app.sign_in import VARIABLE, SignIn, load
from data.catalog.catalog import Catalog
from data.cells.client import CellClient, running_hosts, stop_host
from data.cells.robots import load_robots
from data.episodes.compaction import adopt_shards
from data.errors import CellError, GoalpostError, IndexMissing, InvalidInput
from data.tasks.store import load_tasks
from data.workspace import SIGN_IN_FILE, Workspace, default_root, open_workspace

_PACKAGE = Path(app.__file__).parent

STOP_S = 10.0
"""How long the server may take to let go of its visitors."""
PATIENCE_S = 60.0
"""A server that has not answered for so long is worth a word; it may only be a busy computer."""
_LOOK_S = 0.1


def serve(root: Path | None, *, address: str, port: int) -> None:
    """Serve the app on `address`:`port` until it is interrupted.

    Raises:
        InvalidInput: The port is taken, `sign-in.toml` makes no sense, or others could reach the
            app at the address and it could not tell who they are.
        WorkspaceError: The workspace cannot be opened.
        GoalpostError: The server ended before it answered.
    """
    root = (root or default_root()).absolute()
    path = root / SIGN_IN_FILE
    sign_in = load(path) if path.exists() else None
    _check_who_reaches(address, sign_in, path)
    workspace = open_workspace(root)
    load_tasks(workspace)
    load_robots(workspace)
    check_port_is_free(address, port)
    try:
        for damaged in adopt_shards(Catalog(workspace)):
            click.echo(f"Left out: {damaged}", err=True)
    except IndexMissing:
        click.echo("The index is filled anew; the app opens meanwhile and says how far that is.")
    click.echo(f"Workspace: {workspace.root}")
    click.echo("Starting ...")
    # A terminal's Ctrl-C reaches the server, too: it ends in order, and says nothing of its own.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "streamlit", "run", str(_PACKAGE / "asgi.py")),
            *("--server.address", address, "--server.port", str(port)),
            *("--server.headless", "true"),
            *(sign_in_options(sign_in, path) if sign_in else ()),
        ],
        # Not the folder of the reader, whose modules and settings would come before ours.
        cwd=_PACKAGE.parent,
        env={**os.environ, "GOALPOST_WORKSPACE": str(workspace.root)}
        | ({VARIABLE: str(path)} if sign_in else {}),
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        wait_until_served(server, address, port)
        url = sign_in.origin if sign_in else f"http://{_in_address(address)}:{port}"
        click.echo(f"Goalpost: {url}  (stop with Ctrl-C)")
        code = server.wait()
        click.echo(
            f"The server ended by itself, with exit code {code}. What was recorded and labelled "
            "is safe. What to do: start it again; the pages in the browser then go on by "
            "themselves.",
            err=True,
        )
    except KeyboardInterrupt:
        click.echo("Stopping ...")
        _stop(server)
        code = 0
    _stop_idle_hosts(workspace)
    sys.exit(code)


def wait_until_served(
    server: subprocess.Popen[bytes], address: str, port: int, *, patience_s: float = PATIENCE_S
) -> None:
    """Wait until the server answers a request; a slow one is told once, after `patience_s`.

    Raises:
        GoalpostError: It ended instead.
    """
    began_s = time.monotonic()
    told = False
    while not answers(address, port):
        if server.poll() is not None:
            raise GoalpostError(
                f"The app did not start: its server ended with exit code {server.returncode}.",
                next_step="Read what it said above, mend that and start it again. Nothing that was "
                "recorded or labelled is lost.",
            )
        if not told and time.monotonic() - began_s > patience_s:
            told = True
            click.echo(
                f"The app does not answer after {patience_s:g} s yet. It may be that this computer "
                "is busy; the address follows as soon as it answers. Stop with Ctrl-C."
            )
        time.sleep(_LOOK_S)


def answers(address: str, port: int, *, timeout_s: float = 2.0) -> bool:
    """Whether the app answers requests at `address`:`port`."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}
    connection = http.client.HTTPConnection(
        everywhere.get(address, address), port, timeout=timeout_s
    )
    try:
        connection.request("GET", "/_stcore/health", headers={"Host": "localhost"})
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _in_address(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(STOP_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _check_who_reaches(address: str, sign_in: SignIn | None, path: Path) -> None:
    """Whoever reaches the app may record, label and train, unless they have to sign in."""
    try:
        found = socket.getaddrinfo(address, None)
    except OSError as error:
        raise InvalidInput(f"'{address}' is no address of this computer ({error}).") from error
    if all(ipaddress.ip_address(entry[4][0]).is_loopback for entry in found):
        return
    if sign_in is None:
        raise InvalidInput(
            f"Others could reach the app at {address}, and it cannot tell who they are.",
            valid=["127.0.0.1", "localhost", "::1"],
            next_step=f"Let people sign in: write {path} as README.md shows under `Others`. Or "
            "serve the app on 127.0.0.1, and reach it from another computer through SSH: "
            "ssh -L 8501:127.0.0.1:8501 THIS-COMPUTER, then http://127.0.0.1:8501 there.",
        )
    if not sign_in.origin.startswith("https://"):
        raise InvalidInput(
            f"People would sign in over {sign_in.origin}, where others on the network can listen.",
            where=path,
            next_step="Put a web server with a certificate before the app, and let redirect_uri "
            "begin with https://.",
        )


def sign_in_options(sign_in: SignIn, path: Path) -> list[str]:
    """What Streamlit has to be told: where the provider is named, and the app's own name."""
    hosts = dict.fromkeys(["localhost", "127.0.0.1", sign_in.host])
    return [
        *("--secrets.files", str(path)),
        # Named, so that Streamlit does not ask the internet for it.
        *("--browser.serverAddress", sign_in.host),
        *(word for host in hosts for word in ("--server.allowedHosts", host)),
    ]


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
