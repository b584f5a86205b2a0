"""What the scoring service counts, for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SECONDS = (0.005, 0.01, 0.015, 0.02, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)


class Figures:
    """Counters of one service.

    Args:
        waiting: How many frame sets wait now.
    """

    def __init__(self, waiting: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "goalpost_requests", "Requests by status", ["status"], registry=self._registry
        )
        self.frame_sets = Counter(
            "goalpost_frame_sets", "Frame sets judged", ["detector"], registry=self._registry
        )
        self.seconds = Histogram(
            "goalpost_score_seconds",
            "From a score request's arrival to its answer",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.batch = Histogram(
            "goalpost_batch_size",
            "Frame sets judged together",
            buckets=(1, 2, 4, 8, 16, 32),
            registry=self._registry,
        )
        self.exchanges = Counter(
            "goalpost_detector_exchanges", "Newer detectors taken in", registry=self._registry
        )
        Gauge("goalpost_waiting", "Frame sets that wait", registry=self._registry).set_function(
            lambda: float(waiting())
        )

    def text(self) -> bytes:
        """All of them in Prometheus's text format."""
        return generate_latest(self._registry)


class CountedRequests:
    """ASGI middleware that counts requests by status, and times those that were judged."""

    def __init__(self, app: ASGIApp, figures: Figures) -> None:
        self._app = app
        self._figures = figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and look at its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin_s = time.perf_counter()
        status = 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._figures.requests.labels(str(status)).inc()
            await send(message)

        await self._app(scope, receive, noted)
        if scope["path"] == "/v1/score" and status == 200:
            self._figures.seconds.observe(time.perf_counter() - begin_s)
