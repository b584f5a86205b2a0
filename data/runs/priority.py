"""Priority: who goes first when the processor is busy; sampling before all that can wait."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

HOST_NICENESS = -10
"""Unix niceness of cell hosts, where the system allows it."""
RUN_NICENESS = 10
"""Unix niceness of background runs."""


def set_priority(pid: int, niceness: int) -> None:
    """Give process `pid`, which leads a session of its own, a niceness as far as is allowed.

    Linux weighs whole sessions against each other where `sched_autogroup` is on, as on most
    desktops: there the niceness of a process counts only within its session, and the session has
    a niceness too.
    """
    with contextlib.suppress(OSError):  # not permitted, or it has ended already
        os.setpriority(os.PRIO_PROCESS, pid, niceness)
    with contextlib.suppress(OSError):  # not permitted, or another system than Linux
        Path(f"/proc/{pid}/autogroup").write_text(str(niceness))
