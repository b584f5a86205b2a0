"""The routes beside the script: live preview and images by reference.

Streamlit guards none of them, so every request must name a known host, come from this site's own
pages, carry a token that a page's script signed for exactly what is asked, and, where people sign
in, come from somebody who may look.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

import streamlit as st
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.status import WS_1008_POLICY_VIOLATION
from starlette.websockets import WebSocket, WebSocketDisconnect

from app import access
from app.camera_hub import CameraHub, View
from app.images import FRAMES, IMAGE_ROUTE, image_subject
from app.state import workspace
from app.tokens import LIFETIME_S, is_valid, sign
from data.cells.client import CellClient
from data.episodes.frames import CAMERAS
from data.episodes.shards import FrameRef
from data.errors import GoalpostError

PREVIEW_ROUTE = "/goalpost/preview"

RECHECK_S = 5.0
"""How long a live line may go on after somebody has signed out or lost their role [s]."""

HUB = CameraHub(lambda robot: CellClient(workspace(), robot))
"""The one hub of this process."""


def preview_url(robot: str, *, now_s: float) -> str:
    """The signed address of a robot's live preview."""
    token = sign(f"preview:{robot}", now_s=now_s)
    return f"{PREVIEW_ROUTE}?{urlencode({'robot': robot, 'token': token})}"


def routes() -> list[BaseRoute]:
    """All routes of the service."""
    return [
        WebSocketRoute(PREVIEW_ROUTE, preview),
        Route(IMAGE_ROUTE, image),
    ]


def refusal(connection: HTTPConnection, subject: str) -> str | None:
    """Why a request is refused, in words; None when it may pass."""
    host = connection.headers.get("host", "")
    if not _is_known_host(host, st.get_option("server.allowedHosts")):
        return "This server does not answer to that host name."
    origin = connection.headers.get("origin")
    if connection.scope["type"] == "websocket" and origin is None:
        return "A live connection must say which page it comes from."
    if origin is not None and urlsplit(origin).netloc != host:
        return "This request comes from another site."
    if connection.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        return "This request comes from another site."
    if not is_valid(connection.query_params.get("token", ""), subject, now_s=time.time()):
        return "This address has expired. Reload the page."
    if not access.is_open_to(connection, "look"):
        return "Sign in first."
    return None


def _is_known_host(host: str, allowed: Sequence[str]) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    if name is None:
        return False
    return any(
        name.endswith(pattern[1:]) if pattern.startswith("*.") else name == pattern
        for pattern in allowed or ("localhost", "127.0.0.1")
    )


def image(request: Request) -> Response:
    """One camera's JPEG of one recorded frame, as it was stored."""
    query = request.query_params
    frame, camera = query.get("frame", ""), query.get("camera", "")
    if not (frame.isascii() and frame.isdigit()) or camera not in CAMERAS:
        return PlainTextResponse("There is no such image.", 404)
    ref = FrameRef(query.get("shard", ""), query.get("episode", ""), int(frame))
    refused = refusal(request, image_subject(ref, camera))
    if refused is not None:
        return PlainTextResponse(refused, 403)
    try:
        [frames] = FRAMES.read(workspace(), [ref])
    except GoalpostError as error:
        return PlainTextResponse(str(error), 404)
    if camera not in frames.jpegs:
        return PlainTextResponse("This frame has no image of that camera.", 404)
    return Response(
        frames.jpegs[camera],
        media_type="image/jpeg",
        headers={"Cache-Control": f"private, max-age={LIFETIME_S}, immutable"},
    )


async def preview(socket: WebSocket) -> None:
    """Send a robot's views: the newest one each time the page has shown the one before."""
    robot = socket.query_params.get("robot", "")
    if refusal(socket, f"preview:{robot}") is not None:
        await socket.close()
        return
    await socket.accept()
    acknowledged = asyncio.Event()
    refused = asyncio.create_task(_until_refused(socket))
    tasks = {
        refused,
        asyncio.create_task(_hear(socket, acknowledged)),
        asyncio.create_task(_send_views(socket, robot, acknowledged)),
    }
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception) and not isinstance(outcome, WebSocketDisconnect):
            raise outcome
    if not refused.cancelled():
        with contextlib.suppress(WebSocketDisconnect):
            await socket.close(WS_1008_POLICY_VIOLATION)


async def _until_refused(socket: WebSocket) -> None:
    """Ends when whoever opened the line has signed out or may no longer look."""
    while access.is_open_to(socket, "look"):
        await asyncio.sleep(RECHECK_S)


async def _hear(socket: WebSocket, acknowledged: asyncio.Event) -> None:
    async for _ in socket.iter_text():
        acknowledged.set()


async def _send_views(socket: WebSocket, robot: str, acknowledged: asyncio.Event) -> None:
    shown = 0
    with HUB.watch(robot) as watcher:
        while True:
            view = await watcher.next()
            acknowledged.clear()
            await socket.send_bytes(pack_view(view, with_frames=view.frames_version != shown))
            shown = view.frames_version
            await acknowledged.wait()


def pack_view(view: View, *, with_frames: bool) -> bytes:
    """One message: length of the header (4 bytes, big-endian), header (JSON), JPEGs in its order.

    The header has `cameras` (name and byte count of each JPEG that follows), `recording` (with
    `elapsed_s` and `interval_ms`), `camera_errors`, and, when no frames come, `problem` and
    `silent_for_s`.
    """
    jpegs = dict(view.frames.jpegs) if with_frames and view.frames is not None else {}
    header: dict[str, Any] = {
        "cameras": [[camera, len(jpeg)] for camera, jpeg in jpegs.items()],
        "recording": _recording(view),
        "camera_errors": {} if view.status is None else dict(view.status.camera_errors),
        "problem": None if view.problem is None else view.problem.what,
        "silent_for_s": None,
    }
    if view.problem is not None and view.heard_at_s is not None:
        header["silent_for_s"] = time.monotonic() - view.heard_at_s
    encoded = json.dumps(header).encode()
    return b"".join((len(encoded).to_bytes(4, "big"), encoded, *jpegs.values()))


def _recording(view: View) -> dict[str, Any] | None:
    recording = None if view.status is None else view.status.recording
    if recording is None:
        return None
    return {
        "recording_id": recording.recording_id,
        "task": recording.task,
        "outcome": recording.outcome,
        "elapsed_s": recording.elapsed_s + time.monotonic() - view.asked_at_s,
        "frame_count": recording.frame_count,
        "dropped_frames": recording.dropped_frames,
        "interval_ms": view.interval_ms,
    }
