"""Keys, and real hosts that ask for them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from zmq.auth import create_certificates, load_certificate

from data.cells.client import CellClient, start_host
from data.cells.keys import keys_folder, make_keys
from data.cells.robots import Robot
from data.errors import CellError
from data.workspace import Workspace


def test_keys_are_made_once_and_secrets_are_private(tmp_path: Path) -> None:
    make_keys(tmp_path)
    secret = (tmp_path / "host.key_secret").read_bytes()
    make_keys(tmp_path)
    assert (tmp_path / "host.key_secret").read_bytes() == secret
    assert (tmp_path / "client.key_secret").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "clients").iterdir()] == ["client.key"]


def test_a_client_whose_key_the_host_does_not_know_gets_no_answer(
    workspace: Workspace, hardware: Robot
) -> None:
    start_host(workspace, hardware.name)
    with CellClient(workspace, hardware.name) as client:
        assert client.status().robot == hardware.name
        assert set(client.latest().jpegs) == {"over_shoulder", "left", "right"}
    own = keys_folder(workspace) / "client.key_secret"
    kept = own.read_bytes()
    own.unlink()
    create_certificates(keys_folder(workspace), "client")
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
    with CellClient(workspace, hardware.name) as client:
        client.status()


def test_hosts_that_start_at_once_share_one_pair_of_keys(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make_keys, [tmp_path / "keys"] * 4))
    public, _ = load_certificate(tmp_path / "keys" / "client.key_secret")
    assert load_certificate(tmp_path / "keys" / "clients" / "client.key")[0] == public
