"""The HTML, CSS and JavaScript of the widgets, read from the files beside this module."""

from __future__ import annotations

from importlib.resources import files


def text(*names: str) -> str:
    """The named files, one after the other."""
    return "\n".join((files("app.widgets") / name).read_text("utf-8") for name in names)
