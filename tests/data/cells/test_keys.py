"""Hosts that other machines can reach, with real processes and encrypted connections."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from zmq.auth import create_certificates

from data.cells.addresses import read_address
from data.cells.client import CellClient
from data.cells.keys import keys_folder, make_keys
from data.cells.messages import encode_command
from data.errors import CellError
from data.robots import Robot
from data.workspace import Workspace


def test_keys_are_made_once_and_secrets_are_private(tmp_path: Path) -> None:
    make_keys(tmp_path)
    secret = (tmp_path / "host.key_secret").read_bytes()
    make_keys(tmp_path)
    assert (tmp_path / "host.key_secret").read_bytes() == secret
    assert (tmp_path / "client.key_secret").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "clients").iterdir()] == ["client.key"]


@pytest.fixture
def host(workspace: Workspace, hardware: Robot) -> Iterator[None]:
    """A host of `hardware` that listens on every interface."""
    process = subprocess.Popen(
        [
            sys.executable, "-m", "data.cells.host", "--workspace", str(workspace.root),
            "--robot", hardware.name, "--bind", "tcp://127.0.0.2",
            "--keys", str(keys_folder(workspace)),
        ]
    )  # fmt: skip
    deadline_s = time.monotonic() + 20
    while read_address(workspace, hardware.name) is None and time.monotonic() < deadline_s:
        time.sleep(0.05)
    yield
    process.terminate()
    assert process.wait(10) == 0


def test_only_owners_of_a_key_connect(workspace: Workspace, hardware: Robot, host: None) -> None:
    address = read_address(workspace, hardware.name)
    assert address is not None
    assert address.host_key is not None
    with CellClient(workspace, hardware.name) as client:
        assert client.status().robot == hardware.name
        assert set(client.latest().jpegs) == {"over_shoulder", "left", "right"}
    with zmq.Context() as context, context.socket(zmq.REQ) as stranger:  # no key at all
        stranger.linger = 0
        stranger.connect(address.commands)
        stranger.send(encode_command("status", {}))
        assert not stranger.poll(700)
    own = keys_folder(workspace) / "client.key_secret"
    kept = own.read_bytes()
    own.unlink()
    create_certificates(keys_folder(workspace), "client")  # a key that the host does not know
    with (
        CellClient(workspace, hardware.name, timeout_s=0.7) as client,
        pytest.raises(CellError, match="did not answer"),
    ):
        client.status()
    own.unlink()
    with (
        CellClient(workspace, hardware.name) as client,
        pytest.raises(CellError, match="no readable key"),
    ):
        client.status()
    own.write_bytes(kept)


def test_an_open_host_without_keys_is_refused(workspace: Workspace, hardware: Robot) -> None:
    refused = subprocess.run(
        [
            sys.executable, "-m", "data.cells.host", "--workspace", str(workspace.root),
            "--robot", hardware.name, "--bind", "tcp://0.0.0.0",
        ],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert refused.returncode == 1
    assert "could be used by anyone on the network" in refused.stderr
    assert "Traceback" not in refused.stderr
