"""Work that needs networks, in a process of its own: torch is too large for the web server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from data.errors import RunError
from data.workspace import Workspace

_TOLD = 300
"""Characters at the end of what a failed process said."""


def work(
    module: str,
    words: Sequence[str],
    *,
    workspace: Workspace,
    patience_s: float,
    failed: str,
    where: str,
) -> None:
    """Have a command of a layer carried out, and wait for it.

    Args:
        module: The command line, such as `policy.cli`.
        words: What it is told, after the workspace.
        patience_s: How long it may take [s].
        failed: What to tell where it fails, as one sentence.
        where: What it was about.

    Raises:
        RunError: It failed, quotes what it said; or it took too long.
    """
    command = [sys.executable, "-m", module, "--workspace", str(workspace.root), *words]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=patience_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise RunError(
            failed, where=where, next_step=f"It took over {patience_s:g} s. Try again."
        ) from error
    if done.returncode:
        raise RunError(failed, where=where, next_step=done.stderr.strip()[-_TOLD:] or "Try again.")
