"""The file that lets others in: which provider says who they are, and what each of them may do.

`sign-in.toml` lies in the workspace and is read by Streamlit too, which signs people in by OpenID
Connect:

    [auth]
    redirect_uri = "https://goalpost.example/oauth2callback"
    cookie_secret = "64 random characters"
    client_id = "goalpost"
    client_secret = "from the provider"
    server_metadata_url = "https://login.example/.well-known/openid-configuration"

    [roles]
    manage = ["ana@lab.example"]
    label = ["@lab.example"]
    look = ["*"]
"""

from __future__ import annotations

import os
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

import msgspec

from data.errors import CorruptData, InvalidInput

Role = Literal["look", "label", "manage"]
"""Each may do what those before it may: look; record, label and define tasks; train, delete and
change robots."""
ROLES: tuple[Role, ...] = get_args(Role)
VARIABLE = "GOALPOST_SIGN_IN"
"""Names the file in the server's environment: a server that was started with sign-in keeps to it,
even when the file goes."""
SHORTEST_SECRET = 32


class Provider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What Streamlit's `st.login` needs to know."""

    redirect_uri: str
    """The app's own address, with the path /oauth2callback."""
    cookie_secret: str
    client_id: str
    client_secret: str
    server_metadata_url: str
    client_kwargs: dict[str, Any] = {}


class SignIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    auth: Provider
    roles: dict[Role, tuple[str, ...]]

    @property
    def host(self) -> str:
        """The name under which people reach the app."""
        return urlsplit(self.auth.redirect_uri).hostname or ""

    @property
    def origin(self) -> str:
        """The address of the app, without a path."""
        address = urlsplit(self.auth.redirect_uri)
        return f"{address.scheme}://{address.netloc}"

    def role_of(self, email: str) -> Role | None:
        """The highest role of whoever has this address; None for a stranger."""
        email = email.casefold()
        for role in reversed(ROLES):
            for entry in self.roles.get(role, ()):
                entry = entry.casefold()
                if entry in ("*", email) or (entry.startswith("@") and email.endswith(entry)):
                    return role
        return None


def configured() -> SignIn | None:
    """How this server signs people in; None where it serves only its own computer.

    Raises:
        CorruptData: It was started with sign-in, and the file is no longer there or makes no sense.
    """
    named = os.environ.get(VARIABLE)
    if named is None:
        return None
    path = Path(named)
    try:
        state = path.stat()
        return _load(path, (state.st_mtime_ns, state.st_size))
    except (OSError, InvalidInput) as error:
        raise CorruptData(
            "This server signs people in, and the file that says how cannot be read; so nobody "
            "may do anything.",
            where=path,
            next_step="Mend the file; `goalpost up` says what is wrong with it.",
        ) from error


def load(path: Path) -> SignIn:
    """The checked content of the file. Raises `InvalidInput` with what to mend."""
    try:
        mode = path.stat().st_mode
        found = msgspec.convert(tomllib.loads(path.read_text()), SignIn)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _wrong(f"cannot be read ({error})", path) from error
    except msgspec.ValidationError as error:
        raise _wrong(f"does not say how to sign in: {error}", path) from error
    if mode & 0o077:
        raise _wrong("holds secrets, and others on this computer may read it", path, "chmod 600")
    if len(found.auth.cookie_secret) < SHORTEST_SECRET:
        raise _wrong(
            f"has a cookie_secret of fewer than {SHORTEST_SECRET} characters", path,
            'python3 -c "import secrets; print(secrets.token_hex(32))" makes one',
        )  # fmt: skip
    address = urlsplit(found.auth.redirect_uri)
    if address.path != "/oauth2callback" or address.scheme not in ("http", "https"):
        raise _wrong(
            "needs as redirect_uri the app's own address with the path /oauth2callback", path
        )
    if not any(found.roles.values()):
        raise _wrong("gives nobody a role", path, f"Fill [roles]: {', '.join(ROLES)}")
    return found


@lru_cache(maxsize=4)
def _load(path: Path, state: tuple[int, int]) -> SignIn:
    return load(path)


def _wrong(what: str, path: Path, next_step: str = "See `Others` in README.md") -> InvalidInput:
    return InvalidInput(f"The file {path.name} {what}.", where=path, next_step=f"{next_step}.")
