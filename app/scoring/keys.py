"""API keys: who may ask the scoring service. Only their digests are stored."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets

from data.errors import CorruptData, InvalidInput, unknown_name
from data.storage import read_json, write_atomically
from data.workspace import Workspace

_PREFIX = "goalpost_"


class ApiKeys:
    """The keys of a workspace, read again when somebody changes them."""

    def __init__(self, workspace: Workspace) -> None:
        self._path = workspace.root / "api_keys.json"
        self._read_at: tuple[int, int] | None = None
        self._digests: dict[str, str] = {}

    def add(self, name: str) -> str:
        """Make a key for `name` and return it; it cannot be shown again. Raises `InvalidInput`."""
        if not name.strip():
            raise InvalidInput("A key needs a name.", next_step="Name who will use it.")
        known = dict(self._known())
        if name in known:
            raise InvalidInput(
                f"'{name}' has a key already.",
                where=self._path,
                next_step=f"Remove it first: goalpost keys remove {name}",
            )
        key = _PREFIX + secrets.token_urlsafe(24)
        self._write({**known, name: _digest(key)})
        return key

    def remove(self, name: str) -> None:
        """Let a key open nothing any more. Raises `UnknownName`."""
        known = dict(self._known())
        if name not in known:
            raise unknown_name("key", name, known, where=self._path)
        del known[name]
        self._write(known)

    def names(self) -> list[str]:
        """Who has a key."""
        return sorted(self._known())

    def owner(self, key: str) -> str | None:
        """Whose key it is; None where it is nobody's."""
        digest = _digest(key)
        found = None
        for name, known in self._known().items():  # every one, so that time tells nothing
            if hmac.compare_digest(digest, known):
                found = name
        return found

    def _known(self) -> dict[str, str]:
        try:
            state = self._path.stat()
        except FileNotFoundError:
            return {}
        if self._read_at != (state.st_mtime_ns, state.st_ino):
            try:
                self._digests = dict(read_json(self._path)["digests"])
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise CorruptData(
                    f"The API keys cannot be read ({error}).",
                    where=self._path,
                    next_step="Delete the file and make new keys: goalpost keys add NAME",
                ) from error
            self._read_at = (state.st_mtime_ns, state.st_ino)
        return self._digests

    def _write(self, digests: dict[str, str]) -> None:
        write_atomically(self._path, json.dumps({"digests": digests}, indent=1).encode())


def _digest(key: str) -> str:
    # Keys are long and random, so a plain digest cannot be turned back.
    return hashlib.sha256(key.encode()).hexdigest()
