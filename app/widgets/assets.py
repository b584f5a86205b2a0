"""The CSS, JavaScript and drawings of the widgets, which lie as files beside this module."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent


def text(*names: str) -> str:
    """The named files, one after the other."""
    return "\n".join((_FOLDER / name).read_text("utf-8") for name in names)


def path(name: str) -> str:
    """Where the named file lies."""
    return str(_FOLDER / name)
