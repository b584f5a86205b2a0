import os
import subprocess
import sys
from pathlib import Path

import pytest

from data.runs.priority import set_priority


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="a Linux matter")
def test_a_session_is_made_nicer_with_its_process() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True
    )
    set_priority(process.pid, 10)
    assert os.getpriority(os.PRIO_PROCESS, process.pid) == 10
    assert Path(f"/proc/{process.pid}/autogroup").read_text().split()[-1] == "10"
    process.communicate(b"\n")


def test_a_process_that_has_ended_is_no_error() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    set_priority(process.pid, 10)
