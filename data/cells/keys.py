"""CURVE keys: who may talk to the cell hosts of a workspace.

Every connection is encrypted, also on one machine: a port on the loopback is open to every page
that a browser shows. The workspace's `cells/keys/` holds `host.key_secret`, `client.key_secret`
and, in `clients/`, the public key of every client that may connect. For a client on another
machine, copy the robot's address file and `client.key_secret` into the `cells/` and `cells/keys/`
folders of its workspace.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import zmq
from filelock import FileLock
from zmq.auth import create_certificates, load_certificate
from zmq.auth.thread import ThreadAuthenticator

from data.errors import CellError
from data.storage import full_disk_is_an_error, make_folder, publish
from data.workspace import Workspace

_HOST = "host"
_CLIENT = "client"
_CLIENTS = "clients"


def keys_folder(workspace: Workspace) -> Path:
    """Where hosts and clients of `workspace` look for their keys."""
    return workspace.cells / "keys"


def make_keys(folder: Path) -> None:
    """Make the keys of a host and of one client; keys that exist stay as they are.

    Raises:
        StorageFull: The disk is full.
    """
    with full_disk_is_an_error(folder):
        for each in (folder, folder / _CLIENTS):
            make_folder(each, mode=0o700)
        with FileLock(folder / "keys.lock"):
            for name, public_folder in ((_HOST, folder), (_CLIENT, folder / _CLIENTS)):
                if not (folder / f"{name}.key_secret").exists():
                    _make_key(folder, name, public_folder)


def _make_key(folder: Path, name: str, public_folder: Path) -> None:
    with TemporaryDirectory(dir=folder) as temporary:
        public, secret = map(Path, create_certificates(temporary, name))
        secret.chmod(0o600)
        publish(public, public_folder / public.name)
        publish(secret, folder / secret.name)  # last: it says that the key is whole


def guard(context: zmq.Context[Any], folder: Path) -> Callable[[], None]:
    """Let `context` accept only clients whose public keys lie in `folder`/clients.

    Returns:
        What ends the thread that checks them.
    """
    authenticator = ThreadAuthenticator(context)
    authenticator.start()
    authenticator.configure_curve(domain="*", location=str(folder / _CLIENTS))
    return authenticator.stop


def secure_host(zmq_socket: zmq.Socket[Any], folder: Path) -> str:
    """Encrypt the host's side of `zmq_socket`; gives the host's public key (Z85)."""
    public, secret = _load(folder / f"{_HOST}.key_secret")
    zmq_socket.curve_publickey = public
    zmq_socket.curve_secretkey = secret
    zmq_socket.curve_server = True
    return public.decode()


def secure_client(zmq_socket: zmq.Socket[Any], folder: Path, host_key: str) -> None:
    """Encrypt the client's side of `zmq_socket`. Raises `CellError` where it has no key."""
    public, secret = _load(folder / f"{_CLIENT}.key_secret")
    zmq_socket.curve_publickey = public
    zmq_socket.curve_secretkey = secret
    zmq_socket.curve_serverkey = host_key.encode()


def _load(path: Path) -> tuple[bytes, bytes]:
    try:
        public, secret = load_certificate(path)
    except (OSError, ValueError) as error:
        raise _no_key(path) from error
    if secret is None:
        raise _no_key(path)
    return public, secret


def _no_key(path: Path) -> CellError:
    return CellError(
        "There is no readable key for the connection to this cell, which is encrypted.",
        where=path,
        next_step=(
            "On the host's machine, delete the folder and restart the host, which makes new keys; "
            "elsewhere, copy the key file from there."
        ),
    )
