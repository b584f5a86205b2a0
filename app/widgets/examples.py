"""A task's example pictures in a row, each with what it shows."""

from __future__ import annotations

import time
from html import escape

import streamlit as st

from app.examples import Examples
from app.images import image_urls

_CAMERA = "over_shoulder"
_WORDS = (
    ("success", "Success"),
    ("failure", "Failure"),
    ("near_miss", "Near miss"),
)


def show_examples(task: str, examples: Examples | None, *, only: str | None = None) -> None:
    """Show the pictures there are of `task`.

    Args:
        only: Just the picture of this outcome, beside a question.
    """
    now_s = time.time()
    figures = []
    for name, words in _WORDS:
        ref = getattr(examples, name) if examples else None
        if ref is None or (only is not None and name != only):
            continue
        address = escape(image_urls(ref, now_s=now_s)[_CAMERA])
        alt = escape(f"{words} of {task}, seen over the shoulder")
        figures.append(
            f'<figure style="margin:0;flex:0 1 150px;min-width:0">'
            f'<img src="{address}" alt="{alt}" loading="lazy" '
            f'style="width:100%;aspect-ratio:5/4;object-fit:cover;border-radius:6px">'
            f'<figcaption style="font-size:.8rem">{words}</figcaption></figure>'
        )
    if figures:
        st.html(f'<div style="display:flex;gap:.5rem">{"".join(figures)}</div>')
