"""Who may not command a cell host: whoever has no key, whatever they send to its port."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator

import pytest
import zmq

from data.cells.addresses import HostAddress, read_address
from data.cells.client import CellClient, start_host
from data.recording.journal import list_journals
from data.workspace import Workspace

START = (
    b'{"command": "start_recording", "arguments": {"task": "lift-carrot", "outcome": "success", '
    b'"pair_id": null, "by": "a web page"}}'
)


def _post(body: bytes) -> bytes:
    """What a web page's script makes a browser send."""
    return b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def _old_handshake(message: bytes) -> bytes:
    """ZMTP 1.0, which needs no greeting: an identity, then an empty and a full frame."""
    return b"\x01\x00" + b"\x01\x01" + bytes([len(message) + 1, 0]) + message


def _greeting(version: int, mechanism: bytes) -> bytes:
    """ZMTP's greeting: signature, version, mechanism, and a client that serves nobody."""
    return (
        b"\xff" + bytes(8) + b"\x7f" + bytes([version, 0]) + mechanism.ljust(20, b"\0") + bytes(32)
    )


_RANDOM = random.Random(7)
ATTEMPTS = {
    "post": _post(START),
    "post-with-old-frames": b"P" + _old_handshake(START),
    "old-handshake": _old_handshake(START),
    "version-2": b"\xff" + bytes(8) + b"\x7f\x01\x05" + b"\x00\x00\x01\x00"
    + bytes([0, len(START)]) + START,
    "version-3-without-a-key": _greeting(3, b"NULL") + b"\x04\x26\x05READY",
    "truncated-greeting": b"\xff\x00\x00",
    "greeting-then-nothing": _greeting(3, b"CURVE"),
    "endless-length": _greeting(3, b"CURVE") + b"\x06" + b"\xff" * 8,
    **{f"random-{size}": _RANDOM.randbytes(size) for size in (1, 9, 64, 1000, 70_000)},
}  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, HostAddress]]:
    """A running host of a simulated robot, as `start_host` starts it."""
    from data.cells.client import stop_host
    from data.workspace import open_workspace

    workspace = open_workspace(tmp_path_factory.mktemp("strangers") / "workspace")
    start_host(workspace, "robot-1")
    address = read_address(workspace, "robot-1")
    assert address is not None
    yield workspace, address
    stop_host(workspace, "robot-1")


@pytest.mark.parametrize("name", ATTEMPTS)
def test_what_a_stranger_sends_starts_nothing(
    served: tuple[Workspace, HostAddress], name: str
) -> None:
    workspace, address = served
    for endpoint in (address.commands, address.frames):
        host, port = endpoint.removeprefix("tcp://").rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=5) as stranger:
            stranger.sendall(ATTEMPTS[name])
            time.sleep(0.1)
    with CellClient(workspace, "robot-1") as client:
        assert client.status().recording is None
    assert list_journals(workspace) == []


def test_a_client_without_a_key_gets_no_answer(served: tuple[Workspace, HostAddress]) -> None:
    workspace, address = served
    with zmq.Context() as context, context.socket(zmq.REQ) as stranger:
        stranger.linger = 0
        stranger.connect(address.commands)
        stranger.send(START)
        assert not stranger.poll(700)
    with zmq.Context() as context, context.socket(zmq.SUB) as watcher:
        watcher.linger = 0
        watcher.setsockopt(zmq.SUBSCRIBE, b"")
        watcher.connect(address.frames)
        assert not watcher.poll(700)
    assert list_journals(workspace) == []


def test_the_keys_are_for_their_owner_alone(served: tuple[Workspace, HostAddress]) -> None:
    workspace, _ = served
    keys = workspace.cells / "keys"
    assert keys.stat().st_mode & 0o777 == 0o700
    for secret in keys.rglob("*.key_secret"):
        assert secret.stat().st_mode & 0o777 == 0o600
