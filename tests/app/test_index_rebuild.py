from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import index_rebuild
from data.episodes.index import list_episodes

MAIN = Path(index_rebuild.__file__).with_name("main.py")


def test_the_index_is_filled_and_how_far_it_is_is_told(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.act("robot-1", "lift-any")
    world.workspace.catalog_path.unlink()
    monkeypatch.setattr(sys, "argv", ["", str(world.workspace.root)])
    index_rebuild.main()
    assert json.loads((world.workspace.cache / "rebuild.json").read_bytes())["share"] == 1.0
    assert len(list_episodes(world.catalog)) == 1


def test_a_page_that_finds_no_index_has_it_filled(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.act("robot-1", "lift-any")
    world.workspace.catalog_path.unlink()
    monkeypatch.setattr("data.catalog.catalog.is_large", lambda workspace: True)
    started: list[object] = []
    monkeypatch.setattr(index_rebuild, "ensure", started.append)
    at = AppTest.from_file(str(MAIN), default_timeout=60).run()
    assert not at.exception
    assert at.title[-1].value == "Getting ready"
    assert started == [world.workspace]
