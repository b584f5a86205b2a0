"""The command line: every group answers, and errors are words and an exit code."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

GOALPOST = Path(sys.executable).with_name("goalpost")


def _goalpost(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([GOALPOST, *arguments], capture_output=True, text=True)


@pytest.mark.parametrize("group", [(), ("data",), ("sd",), ("policy",)])
def test_help(group: tuple[str, ...]) -> None:
    result = _goalpost(*group, "--help")
    assert result.returncode == 0
    assert "Commands:" in result.stdout


def test_a_newer_workspace_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "goalpost.json").write_text('{"format": 99}')
    result = _goalpost("up", "--workspace", str(tmp_path))
    assert result.returncode == 1
    assert "format 99" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_taken_port_is_refused_in_words(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = _goalpost("up", "--workspace", str(tmp_path / "w"), "--port", str(port))
    assert result.returncode == 1
    assert f"goalpost up --port {port + 1}" in result.stderr
    assert "Traceback" not in result.stderr
