"""Short-lived signed tokens: proof that this server's own page asked for an address.

A page's script signs what it hands to the browser; the routes beside the script check it. The
secret is made when the process starts and never leaves it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

_SECRET = secrets.token_bytes(32)

LIFETIME_S = 600
"""A token lives between one and two of these, so that equal requests share one for a while and
the browser's cache keeps working."""


def sign(subject: str, *, now_s: float) -> str:
    """A token for `subject`, valid until its expiry (between one and two `LIFETIME_S` away)."""
    expires_s = (int(now_s) // LIFETIME_S + 2) * LIFETIME_S
    return f"{expires_s}.{_signature(subject, expires_s)}"


def is_valid(token: str, subject: str, *, now_s: float) -> bool:
    """Whether `token` was signed here for exactly `subject` and has not expired."""
    expiry, _, signature = token.partition(".")
    if not (expiry.isascii() and expiry.isdigit()) or int(expiry) <= now_s:
        return False
    return hmac.compare_digest(signature.encode(), _signature(subject, int(expiry)).encode())


def _signature(subject: str, expires_s: int) -> str:
    return hmac.new(_SECRET, f"{expires_s}:{subject}".encode(), hashlib.sha256).hexdigest()
