"""Filling the index of a large workspace anew, in a process of its own, while a page tells how far.

`python -m app.index_rebuild FOLDER` does the work; `ensure` starts it unless it is under way.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import streamlit as st

from data.catalog.catalog import rebuild
from data.errors import GoalpostError, WorkspaceBusy
from data.runs.priority import RUN_NICENESS, set_priority
from data.storage import write_atomically
from data.workspace import Workspace, open_workspace

_POLL_S = 2.0


def ensure(workspace: Workspace) -> None:
    """Start filling the index in the background; where somebody does so already, that goes on."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app.index_rebuild", str(workspace.root)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    set_priority(process.pid, RUN_NICENESS)


def show(workspace: Workspace) -> None:
    """Tell how far it is; the page comes back by itself when it is done."""
    st.title("Getting ready")
    st.write(
        "The index of this workspace is filled anew from its files. No episode, no label is lost; "
        "a million episodes take some minutes."
    )
    ensure(workspace)
    _live(workspace)


@st.fragment(run_every=timedelta(seconds=_POLL_S))
def _live(workspace: Workspace) -> None:
    told = _told(workspace)
    if workspace.catalog_path.exists():
        st.rerun()
    if "error" in told:
        st.error(told["error"])
    st.progress(float(told.get("share", 0.0)), text=told.get("what", "Beginning"))


def _told(workspace: Workspace) -> dict[str, str]:
    try:
        told: dict[str, str] = json.loads(_path(workspace).read_bytes())
    except (OSError, ValueError):
        return {}
    return told


def _path(workspace: Workspace) -> Path:
    return workspace.cache / "rebuild.json"


def main() -> None:
    """Fill the index, writing down how far it is."""
    workspace = open_workspace(Path(sys.argv[1]), create=False)

    def tell(**told: object) -> None:
        write_atomically(_path(workspace), json.dumps(told).encode() + b"\n")

    try:
        rebuild(workspace, lambda share, what: tell(share=share, what=what))
    except WorkspaceBusy:
        return  # somebody is at it
    except GoalpostError as error:
        tell(error=str(error))


if __name__ == "__main__":
    main()
