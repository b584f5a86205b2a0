"""What every test needs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def queue_of_its_own(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """No test waits for the runs of another, nor for those at work on this machine."""
    folder = tmp_path_factory.mktemp("queue")
    monkeypatch.setenv("GOALPOST_QUEUE", str(folder))
    return folder


@pytest.fixture(autouse=True)
def videos_may_be_cameras(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Videos that a test writes may stand in for cameras."""
    monkeypatch.setenv("GOALPOST_VIDEO_FOLDERS", str(tmp_path_factory.getbasetemp()))


@pytest.fixture(autouse=True)
def main_module_is_kept() -> Iterator[None]:
    """Streamlit puts a page's script in the place of `__main__` and leaves it there.

    A process that a later test spawns would run that script instead of what was asked of it.
    """
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main
