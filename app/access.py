"""Who is in front of the app, and what they may do.

Where nobody signs in, the app serves only its own computer (`app.serving`), and whoever sits there
may do everything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st
from starlette.requests import HTTPConnection
from streamlit.auth_util import get_cookie_with_chunks
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from app.sign_in import ROLES, Role, SignIn, configured
from app.sign_outs import is_over
from data.errors import NotAllowed

_WORDS: Mapping[Role, str] = {
    "look": "look at this",
    "label": "record, label or define tasks",
    "manage": "train, import, export, delete or change robots",
}


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Somebody who signed in."""

    email: str
    role: Role | None
    """None: nobody has given them a role, so they may not even look."""


def visitor() -> Visitor | None:
    """Who signed in to the session whose script runs; None before that.

    Ask only where `sign_in.configured()` says that people sign in.
    """
    settings = configured()
    if settings is None or is_over(st.context.cookies):
        return None
    return _visitor(settings, st.user.to_dict())


def may(role: Role) -> bool:
    """Whether whoever sees this page may do what the role allows."""
    if configured() is None:
        return True
    return _reaches(visitor(), role)


def require(role: Role) -> None:
    """Raises `NotAllowed` unless `may(role)`."""
    if may(role):
        return
    raise NotAllowed(
        f"You may not {_WORDS[role]}.",
        next_step="Sign in."
        if visitor() is None
        else f"Ask who runs this Goalpost for the role '{role}'.",
    )


def button(label: str, *, role: Role = "manage", disabled: bool = False, **settings: Any) -> bool:
    """`st.button` for those who have the role; others see that it is not for them."""
    allowed = may(role)
    if not allowed:
        settings["help"] = f"You may not {_WORDS[role]}: the role '{role}' may."
        settings.pop("on_click", None)
    elif (on_click := settings.get("on_click")) is not None:
        # It is called before the page is drawn anew: who has lost the role since is asked again.
        settings["on_click"] = lambda *given: on_click(*given) if may(role) else None
    return st.button(label, disabled=disabled or not allowed, **settings) and allowed


def is_open_to(connection: HTTPConnection, role: Role) -> bool:
    """Whether a request to a route beside the script comes from somebody who has the role."""
    settings = configured()
    if settings is None:
        return True
    if is_over(connection.cookies):
        return False
    secret = settings.auth.cookie_secret
    cookie = get_cookie_with_chunks(
        lambda name: _cookie(connection.cookies.get(name), name, secret), USER_COOKIE_NAME
    )
    if cookie is None:
        return False
    try:
        claims = json.loads(cookie)
    except ValueError:
        return False
    if not isinstance(claims, dict) or claims.get("origin") != settings.origin:
        return False
    return _reaches(_visitor(settings, claims), role)


def _cookie(value: str | None, name: str, secret: str) -> bytes | None:
    """What Streamlit signed when it set the cookie; None where somebody else made it up."""
    if value is None:
        return None
    return decode_signed_value(secret, name, value.encode("latin-1", "replace"))


def _visitor(settings: SignIn, claims: Mapping[str, Any]) -> Visitor | None:
    email = claims.get("email")
    if not claims.get("is_logged_in") or not isinstance(email, str) or not email:
        return None
    # A provider that lets people type any address says so.
    verified = claims.get("email_verified", True)
    return Visitor(email=email, role=settings.role_of(email) if verified is True else None)


def _reaches(somebody: Visitor | None, role: Role) -> bool:
    if somebody is None or somebody.role is None:
        return False
    return ROLES.index(somebody.role) >= ROLES.index(role)
