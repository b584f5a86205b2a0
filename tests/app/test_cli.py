"""The command line: every group answers, and errors are words and an exit code."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from app.serving import answers
from data.cells.client import running_hosts, start_host
from data.workspace import open_workspace

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


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1"])
def test_the_app_is_not_served_to_people_it_cannot_tell_apart(address: str, tmp_path: Path) -> None:
    result = _goalpost("up", "--workspace", str(tmp_path / "w"), "--address", address)
    assert result.returncode == 1
    assert f"Others could reach the app at {address}" in result.stderr
    assert "ssh -L" in result.stderr
    assert not (tmp_path / "w").exists()


def test_the_settings_hold_wherever_the_app_is_started(tmp_path: Path) -> None:
    """Streamlit reads the settings beside the script, and a folder's own come before those."""
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "config.toml").write_text("[browser]\ngatherUsageStats = true\n")
    program = (
        "import app; from pathlib import Path; from streamlit import config\n"
        "config._main_script_path = str(Path(app.__file__).with_name('asgi.py'))\n"
        "config.get_config_options(force_reparse=True)\n"
        "print(config.get_option('server.allowedHosts'))\n"
        "print(config.get_option('browser.gatherUsageStats'))\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert found.stdout.splitlines() == ["['localhost', '127.0.0.1']", "False"]


@pytest.mark.parametrize("whom", ["it alone", "all that the terminal runs"])
def test_up_serves_and_leaves_nothing_behind(tmp_path: Path, whom: str) -> None:
    """Stopped, it takes the server and idle cell hosts with it, and nothing sounds like a fault."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [GOALPOST, "up", "--workspace", str(tmp_path / "w"), "--port", str(port)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        started = [process.stdout.readline() for _ in range(2)]
        assert started == [f"Workspace: {tmp_path / 'w'}\n", "Starting ...\n"]
        address = process.stdout.readline()
        assert address == f"Goalpost: http://127.0.0.1:{port}  (stop with Ctrl-C)\n"
        assert answers("127.0.0.1", port)  # whoever reads the address may open it at once
        workspace = open_workspace(tmp_path / "w", create=False)
        start_host(workspace, "robot-1")
        if whom == "it alone":
            process.send_signal(signal.SIGINT)
        else:
            os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 0
        said = process.stdout.read()
        assert said.splitlines()[-1] == "Stopping ..."
        assert "Aborted" not in said
    assert running_hosts(workspace) == {}
    assert not answers("127.0.0.1", port)
