"""Limits of the scoring service: how large a request may be, and how many a key may make."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one request, and one key, may ask for."""

    request_bytes: int = 16 << 20
    """Size of a whole request."""
    frame_sets: int = 32
    """Frame sets in one request."""
    image_pixels: int = 4_000_000
    """Pixels of one image."""
    per_second: float = 200.0
    """Frame sets a second of one key, in the long run."""
    burst: int = 400
    """Frame sets that a key may ask for at once after a pause."""


class RateLimit:
    """A bucket of tokens for every key, filled at a steady rate."""

    def __init__(self, limits: Limits, *, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock_s = clock_s
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait_s(self, key: str, count: int) -> float:
        """Take `count` tokens and return 0, or take none and return how long to wait [s]."""
        now_s = self._clock_s()
        level, at_s = self._buckets.get(key, (float(self._limits.burst), now_s))
        rate = self._limits.per_second
        level = min(float(self._limits.burst), level + (now_s - at_s) * rate)
        if level < count:
            self._buckets[key] = (level, now_s)
            return (count - level) / rate
        self._buckets[key] = (level - count, now_s)
        return 0.0


class SizeLimit:
    """ASGI middleware that refuses a body above the limit, before or while it comes in."""

    def __init__(self, app: ASGIApp, limit_bytes: int) -> None:
        self._app = app
        self._limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 413."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > self._limit_bytes:
            await self._refuse(send)
            return
        seen = 0
        refused = False

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._limit_bytes:
                raise _TooLargeError
            return message

        async def unless_too_large(message: Message) -> None:
            nonlocal refused
            if seen <= self._limit_bytes:
                await send(message)
            elif not refused:  # whatever became of the error inside, this is the answer
                refused = True
                await self._refuse(send)

        try:
            await self._app(scope, counted, unless_too_large)
        except _TooLargeError:
            if not refused:
                await self._refuse(send)

    async def _refuse(self, send: Send) -> None:
        detail = f"The request is larger than {self._limit_bytes >> 20} MB."
        body = json.dumps({"detail": detail}).encode()
        headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class _TooLargeError(Exception):
    """More came in than was announced or allowed."""
