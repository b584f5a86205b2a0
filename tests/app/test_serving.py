"""When the address of the app is told: once whoever opens it is answered."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from app.serving import answers, wait_until_served
from data.errors import GoalpostError

_SERVER = """
import http.server, sys, time
class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/_stcore/health" else 404)
        self.end_headers()
    def log_message(self, *arguments):
        pass
time.sleep(0.5)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Healthy).serve_forever()
"""


@pytest.fixture
def port() -> int:
    """One at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
        return found


def test_it_is_waited_for_a_slow_server_which_is_told_once(
    port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not answers("127.0.0.1", port)
    with subprocess.Popen([sys.executable, "-c", _SERVER, str(port)]) as server:
        try:
            wait_until_served(server, "0.0.0.0", port, patience_s=0.2)
            assert answers("127.0.0.1", port)
        finally:
            server.kill()
    said = capsys.readouterr().out
    assert said.count("does not answer after 0.2 s yet") == 1
    assert "the address follows" in said


def test_a_server_that_ends_at_once_is_told_in_words(port: int) -> None:
    with (
        subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"]) as server,
        pytest.raises(GoalpostError, match=r"exit code 3.*Read what it said above"),
    ):
        wait_until_served(server, "127.0.0.1", port)


def test_another_name_than_health_is_no_answer(port: int) -> None:
    """What listens there must be the app."""
    other = _SERVER.replace("_stcore/health", "elsewhere")
    with subprocess.Popen(
        [sys.executable, "-c", other + "\n", str(port)], stderr=subprocess.DEVNULL
    ) as server:
        try:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                except OSError:
                    continue
                break
            assert not answers("127.0.0.1", port)
        finally:
            server.kill()
