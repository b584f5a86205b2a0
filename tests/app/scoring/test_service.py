"""The scoring service's answers and refusals, without a network."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.scoring.limits import Limits
from app.scoring.service import scoring_service
from data.episodes.frames import encode_jpeg
from data.errors import CorruptData
from data.workspace import Workspace


@pytest.fixture
def client(workspace: Workspace, current: Any, key: str) -> Iterator[TestClient]:
    service = scoring_service(
        workspace,
        current,
        limits=Limits(
            request_bytes=1 << 20, frame_sets=4, image_pixels=10_000, per_second=1e-3, burst=50
        ),
        refresh_s=0.01,
    )
    with TestClient(service, headers={"Authorization": f"Bearer {key}"}) as client:
        yield client


def test_three_jpegs_are_judged(client: TestClient, views: Any, current: Any) -> None:
    answer = client.post("/v1/score", files=views(204), data={"robot": "robot-7"})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["detector"] == "detector-1"
    assert current.trusted.detector.robots == ["robot-7"]
    [[lift, place]] = body["results"]
    assert lift["task"] == "lift-can"
    assert lift["probability"] == pytest.approx(0.8, abs=0.01)  # 204 / 255
    assert (lift["decision"], lift["threshold"], lift["abstain"]) == (True, 0.6, False)
    [figures] = lift["holdout"]
    assert (figures["robot"], figures["trust"]) == ("robot-7", "trusted")
    assert (figures["false_positive"]["errors"], figures["false_positive"]["count"]) == (0, 400)
    assert (place["decision"], place["abstain"]) == (False, True)  # nothing was held out for it
    assert place["holdout"][0]["trust"] == "too few"


def test_what_is_too_close_to_call_is_abstained_from(client: TestClient, views: Any) -> None:
    answer = client.post("/v1/score", files=views(166), data={"task": "lift-can"})  # 0.65
    [[lift]] = answer.json()["results"]
    assert (lift["decision"], lift["holdout"][0]["trust"]) == (True, "trusted")
    assert lift["abstain"]


def test_a_batch_is_answered_in_its_order(client: TestClient, views: Any) -> None:
    answer = client.post("/v1/score", files=views(51, 255, 102), data={"task": "lift-can"})
    found = [[each["probability"] for each in result] for result in answer.json()["results"]]
    assert found == [[pytest.approx(0.2, abs=0.01)], [1.0], [pytest.approx(0.4, abs=0.01)]]


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer goalpost_wrong"}])
def test_a_key_is_needed(
    workspace: Workspace, current: Any, views: Any, header: dict[str, str]
) -> None:
    with TestClient(scoring_service(workspace, current), headers=header) as client:
        for answer in (
            client.post("/v1/score", files=views(9)),
            client.get("/v1/detectors"),
            client.get("/metrics"),
        ):
            assert answer.status_code == 401
            assert "goalpost keys add" in answer.json()["detail"]
        assert client.get("/healthz").json() == {"status": "ok", "detector": "detector-1"}


def test_a_large_upload_is_refused(client: TestClient, views: Any) -> None:
    huge = b"\xff\xd8" + bytes(100 << 20)
    answer = client.post("/v1/score", files=views(9, left=huge))
    assert answer.status_code == 413
    assert answer.json()["detail"] == "The request is larger than 1 MB."


def test_a_large_upload_without_a_length_is_refused_while_it_comes(client: TestClient) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(64):
            yield bytes(1 << 16)

    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/v1/score", content=endless(), headers=kind)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("changed", "greys", "problem"),
    [
        ({"left": b"no picture"}, (9,), "'left' is not a readable JPEG"),
        ({"left": encode_jpeg(np.zeros((101, 100, 3), np.uint8))}, (9,), "100 x 101 pixels"),
        ({}, (9,) * 5, "5 frame sets are too many"),
    ],
)
def test_bad_requests_are_told(
    client: TestClient, views: Any, changed: Any, greys: Any, problem: str
) -> None:
    answer = client.post("/v1/score", files=views(*greys, **changed))
    assert answer.status_code == 422
    assert problem in answer.json()["detail"]


def test_views_go_together_and_tasks_exist(client: TestClient, views: Any) -> None:
    answer = client.post("/v1/score", files=views(9, 9)[:-1])
    assert "do not go together" in answer.json()["detail"]
    answer = client.post("/v1/score", files=views(9)[:-1])
    assert answer.status_code == 422
    answer = client.post("/v1/score", files=views(9), data={"task": "lift-cam"})
    assert "Did you mean 'lift-can'?" in answer.json()["detail"]


def test_a_key_may_ask_for_so_much(client: TestClient, views: Any) -> None:
    answers = [client.post("/v1/score", files=views(9, 9, 9, 9)) for _ in range(13)]
    assert [answer.status_code for answer in answers] == [200] * 12 + [429]  # 50 // 4 = 12
    assert int(answers[-1].headers["retry-after"]) >= 1000  # 2 more at 0.001 a second


def test_a_newer_detector_is_taken_in_without_dropping_a_request(
    client: TestClient, current: Any, views: Any, trusted: Any
) -> None:
    current.problems.append(CorruptData("the newer one is damaged"))  # the old one goes on
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(client.post, "/v1/score", files=views(9)) for _ in range(20)]
        current.next = trusted("detector-2")
        asked += [pool.submit(client.post, "/v1/score", files=views(9)) for _ in range(20)]
        answers = [each.result() for each in asked]
    assert [answer.status_code for answer in answers] == [200] * 40
    deadline_s = time.monotonic() + 10
    while client.get("/healthz").json()["detector"] != "detector-2":
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    assert client.post("/v1/score", files=views(9)).json()["detector"] == "detector-2"
    assert "goalpost_detector_exchanges_total 1.0" in client.get("/metrics").text


def test_figures_count_requests(client: TestClient, views: Any) -> None:
    client.post("/v1/score", files=views(9, 9))
    client.post("/v1/score", files=views(9)[:-1])
    text = client.get("/metrics").text
    assert 'goalpost_requests_total{status="200"} 1.0' in text
    assert 'goalpost_requests_total{status="422"} 1.0' in text
    assert 'goalpost_frame_sets_total{detector="detector-1"} 2.0' in text
    assert "goalpost_score_seconds_count 1.0" in text


def test_the_api_describes_itself(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    assert set(described["paths"]) == {"/v1/score", "/v1/detectors", "/healthz", "/metrics"}
    assert client.get("/docs").status_code == 200
    assert client.get("/v1/detectors").json() == []
