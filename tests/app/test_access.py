"""Who may what: on every page, at every button that changes something, on every route."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.status import WS_1008_POLICY_VIOLATION
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from streamlit.testing.v1 import AppTest
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

import app
from app import access, inbox, jobs, pages, sign_outs
from app.images import image_urls
from app.service import preview_url, routes
from app.sign_in import ROLES, VARIABLE
from data.episodes.shards import FrameRef
from data.errors import NotAllowed
from data.labels.labels import standing_labels

HERE = "http://localhost:8501"
SECRET = "0123456789abcdef0123456789abcdef"
FILE = f"""
[auth]
redirect_uri = "{HERE}/oauth2callback"
cookie_secret = "{SECRET}"
client_id = "goalpost"
client_secret = "from the provider"
server_metadata_url = "http://localhost:9/.well-known/openid-configuration"

[roles]
manage = ["manage@lab.example"]
label = ["label@lab.example"]
look = ["look@lab.example"]
"""
PEOPLE = [*ROLES, "stranger", None]
"""Everybody there can be; None has not signed in."""


@pytest.fixture
def sign_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "sign-in.toml"
    path.write_text(FILE)
    path.chmod(0o600)
    monkeypatch.setenv(VARIABLE, str(path))


def _claims(person: str | None, **more: object) -> dict[str, Any]:
    if person is None:
        return {"is_logged_in": False}
    return {"is_logged_in": True, "email": f"{person}@lab.example", "origin": HERE, **more}


@pytest.fixture
def sits_there(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets somebody be signed in to the session that a test runs."""

    def be(person: str | None, **more: object) -> None:
        user = _User(_claims(person, **more))
        monkeypatch.setattr(access.st, "user", user)

    # Under test Streamlit's request is a mock, whose cookies are no words.
    monkeypatch.setattr(type(access.st.context), "cookies", {})
    return be


class _User(dict[str, Any]):
    def to_dict(self) -> dict[str, Any]:
        return dict(self)


def _may(person: str | None, role: str) -> bool:
    return person in ROLES and ROLES.index(person) >= ROLES.index(role)  # type: ignore[arg-type]


@pytest.mark.parametrize("person", PEOPLE)
def test_a_role_holds_those_before_it(
    person: str | None, sign_in: None, sits_there: Callable[..., None]
) -> None:
    sits_there(person)
    assert [access.may(role) for role in ROLES] == [_may(person, role) for role in ROLES]


def test_an_address_that_the_provider_has_not_verified_has_no_role(
    sign_in: None, sits_there: Callable[..., None]
) -> None:
    for verified, role in ((True, "manage"), (False, None), ("no", None)):
        sits_there("manage", email_verified=verified)
        visitor = access.visitor()
        assert visitor is not None
        assert visitor.role == role


def test_whoever_sits_at_a_computer_that_serves_only_itself_may_do_everything() -> None:
    for role in ROLES:
        access.require(role)


@pytest.mark.parametrize("spec", pages.PAGES, ids=lambda spec: spec.name)
@pytest.mark.parametrize("person", PEOPLE)
def test_every_page_is_closed_to_those_without_its_role(
    person: str | None,
    spec: pages.PageSpec,
    world: Any,
    sign_in: None,
    sits_there: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(
        pages.importlib, "import_module", lambda name: _Page(lambda: shown.append(name))
    )
    sits_there(person)
    render = pages._renderer(spec.name)
    if _may(person, spec.role):
        render()
        assert shown == [f"app.views.{spec.name}"]
    else:
        with pytest.raises(NotAllowed, match="may not"):
            render()
        assert shown == []


class _Page:
    def __init__(self, render: Callable[[], None]) -> None:
        self.render = render


@pytest.mark.parametrize("person", ["stranger", None])
def test_the_door_is_shut(
    person: str | None, world: Any, sign_in: None, sits_there: Callable[..., None]
) -> None:
    sits_there(person)
    at = AppTest.from_file(Path(app.__file__).with_name("main.py"), default_timeout=60).run()
    assert not at.exception
    assert [title.value for title in at.title] == ["Goalpost"]
    if person is None:
        assert [button.label for button in at.button] == ["Sign in"]
    else:
        assert "nobody has given you a role" in at.warning[0].value
        assert [button.label for button in at.button] == ["Sign out"]


def _detector_page() -> None:
    from app.views.detector import render

    render()


def test_training_is_for_those_who_manage(
    world: Any, sign_in: None, sits_there: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    monkeypatch.setattr(jobs, "start", lambda workspace, kind, spec: started.append(kind))
    for robot in ("robot-1", "robot-7"):
        world.record_pair(robot, "lift-carrot")
    sits_there("label")
    at = AppTest.from_function(_detector_page).run()
    button = at.button(key="train-detector")
    assert button.disabled
    button.proto.disabled = False  # a forged message does not care
    button.click().run()
    assert started == []
    sits_there("manage")
    at.run()
    at.button(key="train-detector").click().run()
    assert started == ["train-detector"]


def test_no_run_is_started_for_those_who_do_not_manage(
    world: Any, sign_in: None, sits_there: Callable[..., None]
) -> None:
    for person in ("label", "look", "stranger", None):
        sits_there(person)
        with pytest.raises(NotAllowed):
            jobs.start(world.workspace, "collect", {})


def test_who_labels_may_have_the_waiting_pictures_judged(
    world: Any, sign_in: None, sits_there: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "launch", lambda run, command: None)
    world.add_detector("first", ["lift-any"])
    spec = {"detector": "first", "most": 10}
    sits_there("label")
    assert jobs.start(world.workspace, "score-episodes", spec).kind == "score-episodes"
    sits_there("look")
    with pytest.raises(NotAllowed):
        jobs.start(world.workspace, "score-episodes", spec)


def test_answers_of_somebody_who_may_only_look_are_not_labels(
    world: Any, sign_in: None, sits_there: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.act("robot-1", "lift-any", labelled=False)
    entry = {
        "id": "app-c-1", "item": ["robot-robot-1-lift-any-0", 1, "lift-any"], "outcome": "success",
        "at_ms": 1_790_000_000_000,
    }  # fmt: skip
    monkeypatch.setattr(inbox, "sent_log", lambda key: {"client": "c", "entries": [entry]})
    state: dict[str, Any] = {}
    monkeypatch.setattr(inbox.st, "session_state", state)
    sits_there("look")
    inbox.receiver("desk", by="look@lab.example", source="person")()
    assert isinstance(state["desk-problem"], NotAllowed)
    assert standing_labels(world.catalog) == []


def test_who_is_signed_in_is_who_labels(
    world: Any, sign_in: None, sits_there: Callable[..., None]
) -> None:
    sits_there("label")
    at = AppTest.from_function(_name).run()
    assert at.text_input(key="signed-in-as").disabled
    assert at.markdown[0].value == "by label@lab.example"


def _name() -> None:
    import streamlit as st

    from app.person import your_name

    st.markdown(f"by {your_name()}")


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(Starlette(routes=routes()), base_url=HERE) as client:
        yield client


def _cookie(claims: dict[str, Any], secret: str = SECRET) -> str:
    return create_signed_value(secret, USER_COOKIE_NAME, json.dumps(claims)).decode()


def _answers(client: TestClient, world: Any, cookie: str | None) -> dict[str, bool]:
    """Which of the routes beside the script answers somebody who holds its address."""
    headers = {} if cookie is None else {"cookie": f"{USER_COOKIE_NAME}={cookie}"}
    now_s = time.time()
    [shard] = world.workspace.episodes.rglob("*.parquet")
    ref = FrameRef(str(shard.relative_to(world.workspace.root)), "robot-robot-1-lift-any-0", 1)
    found = {}
    url = image_urls(ref, now_s=now_s)["left"]
    answer = client.get(url, headers=headers)
    assert answer.status_code in (200, 403)
    assert answer.status_code == 200 or answer.text == "Sign in first."
    found[url.split("?")[0]] = answer.status_code == 200
    url = preview_url("robot-1", now_s=now_s)
    here = {"host": "localhost:8501", "origin": HERE, **headers}
    try:
        with client.websocket_connect(url, headers=here):
            found[url.split("?")[0]] = True
    except WebSocketDisconnect:
        found[url.split("?")[0]] = False
    return found


def test_every_route_is_closed_to_those_who_may_not_look(
    client: TestClient, world: Any, sign_in: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address that a page has signed opens nothing for somebody else."""
    monkeypatch.setattr("app.service._send_views", _nothing)
    world.act("robot-1", "lift-any")
    paths = {route.path for route in routes()}  # type: ignore[attr-defined]
    refused = {
        "no cookie": None,
        "not signed": json.dumps(_claims("manage")),
        "signed by another": _cookie(_claims("manage"), secret="f" * 32),
        "of another site": _cookie(_claims("manage", origin="http://localhost:9")),
        "signed out": _cookie({**_claims("manage"), "is_logged_in": False}),
        "not verified": _cookie(_claims("manage", email_verified=False)),
        "no object": _cookie([]),  # type: ignore[arg-type]
        "a stranger": _cookie(_claims("stranger")),
    }
    for who, cookie in refused.items():
        assert _answers(client, world, cookie) == dict.fromkeys(paths, False), who
    for role in ROLES:
        assert _answers(client, world, _cookie(_claims(role))) == dict.fromkeys(paths, True), role


async def _nothing(*arguments: object) -> None:
    """Sends no pictures: whether the line opens is what is asked."""


async def _wait(*arguments: object) -> None:
    await asyncio.sleep(60)


def _ends_after(client: TestClient, cookie: str, act: Callable[[], None]) -> bool:
    """Whether a live line that is open ends once `act` has been done."""
    url = preview_url("robot-1", now_s=time.time())
    headers = {
        "host": "localhost:8501", "origin": HERE, "cookie": f"{USER_COOKIE_NAME}={cookie}"
    }  # fmt: skip
    with client.websocket_connect(url, headers=headers) as line:
        act()
        try:
            line.receive_bytes()
        except WebSocketDisconnect as ended:
            return ended.code == WS_1008_POLICY_VIOLATION
    return False


def test_a_live_line_ends_when_its_person_loses_their_role(
    client: TestClient, sign_in: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.service._send_views", _wait)
    monkeypatch.setattr("app.service.RECHECK_S", 0.02)
    path = Path(os.environ[VARIABLE])

    def take_back() -> None:
        path.write_text(FILE.replace('look = ["look@lab.example"]', ""))

    assert _ends_after(client, _cookie(_claims("look")), take_back)


def test_signing_out_ends_live_lines_other_tabs_and_the_cookie(
    client: TestClient,
    world: Any,
    sign_in: None,
    sits_there: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.service._send_views", _wait)
    monkeypatch.setattr("app.service.RECHECK_S", 0.02)
    world.act("robot-1", "lift-any")
    ours, others = (_cookie(_claims("manage", nonce=each)) for each in ("ours", "others"))
    sits_there("manage")
    context = SimpleNamespace(cookies={USER_COOKIE_NAME: ours, "theme": "dark"})
    monkeypatch.setattr(sign_outs.st, "context", context)
    left: list[str] = []
    monkeypatch.setattr(sign_outs.st, "logout", lambda: left.append("browser"))
    assert access.may("manage")
    assert _ends_after(client, ours, sign_outs.sign_out)
    assert left == ["browser"]
    assert not access.may("look")
    assert not any(_answers(client, world, ours).values())
    # Nor does a copy of it that was made to look like another.
    context.cookies = {USER_COOKIE_NAME: ours + "!", f"{USER_COOKIE_NAME}_9": "more"}
    assert not access.may("look")
    # The same person's other computer stays signed in. A line that is closed while it still sends
    # is cancelled, which on a busy machine the test client takes for an error.
    monkeypatch.setattr("app.service._send_views", _nothing)
    assert all(_answers(client, world, others).values())
    context.cookies = {USER_COOKIE_NAME: others}
    assert access.may("manage")


def test_a_button_that_was_drawn_does_nothing_for_who_has_lost_the_role(
    sign_in: None, sits_there: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict[str, Any] = {}
    monkeypatch.setattr(access.st, "button", lambda label, **given: bool(drawn.update(given)))
    pressed: list[str] = []
    sits_there("manage")
    access.button("Stop host", on_click=pressed.append, args=("robot-1",))
    drawn["on_click"](*drawn["args"])
    assert pressed == ["robot-1"]
    sits_there("look")
    drawn["on_click"](*drawn["args"])
    assert pressed == ["robot-1"]


def test_nobody_is_signed_out_by_a_browser_without_a_cookie(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sign_outs.st, "context", SimpleNamespace(cookies={"theme": "dark"}))
    monkeypatch.setattr(sign_outs.st, "logout", lambda: None)
    sign_outs.sign_out()
    assert not sign_outs.is_over({})
