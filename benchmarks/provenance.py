"""Where a measured result comes from: the command, the commit and the machine."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psutil
import torch


def provenance() -> dict[str, str]:
    """What a result's file says of how it came about."""
    root = Path(__file__).parents[1]
    script = Path(sys.argv[0])
    name = script.stem if script.stem != "__main__" else script.parent.name
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=root, capture_output=True, text=True
    ).stdout.strip()
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no accelerator"
    memory_gib = psutil.virtual_memory().total / 2**30
    return {
        "command": f"python -m benchmarks.{name} "
        + " ".join(_shown(each) for each in sys.argv[1:]),
        "commit": commit or "not in a repository",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {memory_gib:.0f} GiB, {gpu}",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _shown(argument: str) -> str:
    """Folders by their last part: where they lay is nobody's business."""
    return Path(argument).name if "/" in argument else argument
