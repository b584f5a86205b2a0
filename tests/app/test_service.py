from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from app import service
from app.camera_hub import CameraHub, View
from app.images import image_urls
from app.service import pack_view, preview_url, routes
from app.tokens import LIFETIME_S
from data.episodes.frames import CAMERAS, EncodedFrameSet
from data.episodes.shards import FrameRef
from data.errors import CellError

HERE = "http://localhost:8501"


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(Starlette(routes=routes()), base_url=HERE) as client:
        yield client


@pytest.fixture
def ref(world: Any) -> FrameRef:
    world.act("robot-1", "lift-any")
    [shard] = world.workspace.episodes.rglob("*.parquet")
    return FrameRef(str(shard.relative_to(world.workspace.root)), "robot-robot-1-lift-any-0", 1)


def _urls(ref: FrameRef, *, now_s: float | None = None) -> dict[str, str]:
    return image_urls(ref, now_s=time.time() if now_s is None else now_s)


def test_every_camera_of_a_frame_is_served_as_it_was_stored(
    client: TestClient, ref: FrameRef
) -> None:
    for camera in CAMERAS:
        answer = client.get(_urls(ref)[camera])
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/jpeg"
        assert "private" in answer.headers["cache-control"]
        assert answer.content.startswith(b"\xff\xd8")


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example:8501"},
        {"host": "localhost.evil.example"},
        {"host": ""},
        {"host": "[::1"},
        {"origin": "http://evil.example"},
        {"origin": "http://localhost:9999"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_other_hosts_and_sites_are_refused(
    client: TestClient, ref: FrameRef, headers: dict[str, str]
) -> None:
    assert client.get(_urls(ref)["left"], headers=headers).status_code == 403


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1:8501", "LOCALHOST:80"])
def test_this_machine_is_served(client: TestClient, ref: FrameRef, host: str) -> None:
    headers = {"host": host, "origin": f"http://{host}", "sec-fetch-site": "same-origin"}
    assert client.get(_urls(ref)["left"], headers=headers).status_code == 200


def test_missing_forged_expired_and_foreign_tokens_are_refused(
    client: TestClient, ref: FrameRef
) -> None:
    url = _urls(ref)["left"]
    bare, token = url.rsplit("&token=", 1)
    old = _urls(ref, now_s=time.time() - 2 * LIFETIME_S)["left"]
    for refused in (
        bare,
        f"{bare}&token=",
        f"{bare}&token={token[:-1]}{'0' if token[-1] != '0' else '1'}",
        old,
        url.replace("camera=left", "camera=right"),
        url.replace("frame=1", "frame=0"),
    ):
        answer = client.get(refused)
        assert answer.status_code == 403, refused
        assert "Reload the page" in answer.text


def test_images_that_are_not_there_are_told_apart_from_refusals(
    client: TestClient, ref: FrameRef
) -> None:
    assert client.get("/goalpost/image").status_code == 404
    assert client.get(_urls(ref._replace(frame_index=9))["left"]).status_code == 404
    answer = client.get(_urls(ref._replace(shard="episodes/gone.parquet"))["left"])
    assert answer.status_code == 404
    assert "missing" in answer.text


def _connect(client: TestClient, url: str, **headers: str) -> None:
    with client.websocket_connect(url, headers=headers):
        pass


def test_a_preview_needs_its_own_page_and_its_own_token(client: TestClient) -> None:
    url = preview_url("robot-1", now_s=time.time())
    bare = f"/goalpost/preview?{urlencode({'robot': 'robot-1'})}"
    here = {"host": "localhost:8501", "origin": HERE}
    for refused, headers in (
        (bare, here),
        (url, {"host": "localhost:8501"}),
        (url, {**here, "origin": "http://evil.example"}),
        (url, {"host": "evil.example", "origin": "http://evil.example"}),
        (url.replace("robot-1", "robot-2"), here),
    ):
        with pytest.raises(WebSocketDisconnect):
            _connect(client, refused, **headers)


class _DeadHost:
    def __enter__(self) -> _DeadHost:
        raise CellError("The cell host of 'robot-1' is not running.")

    def __exit__(self, *details: object) -> None:
        """Never entered."""


def test_a_preview_tells_that_the_host_is_away(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = CameraHub(lambda robot: _DeadHost())  # type: ignore[arg-type, return-value]
    monkeypatch.setattr(service, "HUB", hub)
    url = preview_url("robot-1", now_s=time.time())
    with client.websocket_connect(url, headers={"host": "localhost:8501", "origin": HERE}) as line:
        header = _header(line.receive_bytes())
        if header["problem"] is None:
            line.send_text("shown")
            header = _header(line.receive_bytes())
        assert "not running" in header["problem"]
        assert hub.watched == {"robot-1"}
        line.close()
        deadline_s = time.monotonic() + 5
        while hub.watched and time.monotonic() < deadline_s:
            time.sleep(0.02)
        assert hub.watched == frozenset()
        time.sleep(0.2)  # leaving the block would cancel what is still finishing


def _header(message: bytes) -> dict[str, Any]:
    size = int.from_bytes(message[:4], "big")
    header: dict[str, Any] = json.loads(message[4 : 4 + size])
    return header


def test_a_message_is_a_header_and_the_pictures_it_names() -> None:
    frames = EncodedFrameSet(
        jpegs={"over_shoulder": b"aaa", "left": b"b", "right": b"cc"},
        timestamps_ns=dict.fromkeys(CAMERAS, 0),
    )
    message = pack_view(View(frames=frames, heard_at_s=time.monotonic()), with_frames=True)
    header = _header(message)
    assert header["cameras"] == [["over_shoulder", 3], ["left", 1], ["right", 2]]
    assert message.endswith(b"aaabcc")
    assert header["recording"] is None
    repeated = pack_view(View(frames=frames), with_frames=False)
    assert _header(repeated)["cameras"] == []
