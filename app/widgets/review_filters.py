"""The filters of Review. They stand in the page's address, so that a link shows the same frames."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.galleries import GALLERIES, Gallery, JudgedFilter

_SPLITS = {"holdout": "Held-out robots", "validation": "Training robots, unseen clips"}
_SOURCES = {
    "clip": "recorded as a clip",
    "person": "labelled by people",
    "review": "given in review",
    "simulator": "given by the simulator",
    "import": "imported",
    "derived": "derived from other labels",
}


def choose_gallery() -> Gallery:
    """Which gallery to show."""
    return st.segmented_control(
        "Show",
        list(GALLERIES),
        default="false positives",
        key="show",
        bind="query-params",
        required=True,
        label_visibility="collapsed",
    )


def choose_examples(judged: pd.DataFrame, row: DeltaGenerator) -> JudgedFilter:
    """Which of the judged examples to look at; the choices stand in `row`."""
    splits = [split for split in _SPLITS if (judged["split"] == split).any()]
    split = row.selectbox(
        "Judged on",
        splits,
        format_func=lambda name: _SPLITS[name],
        key="split",
        bind="query-params",
        width=190,
    )
    here = judged[judged["split"] == split]
    tasks = row.multiselect(
        "Tasks",
        sorted(here["task"].unique()),
        placeholder="All",
        key="task",
        bind="query-params",
        width=160,
    )
    robots = row.multiselect(
        "Robots",
        sorted(here["robot"].unique()),
        placeholder="All",
        key="robot",
        bind="query-params",
        width=150,
    )
    with row.popover("More filters", icon=":material/tune:"):
        sources = st.multiselect(
            "How it was labelled",
            list(_SOURCES),
            format_func=lambda name: _SOURCES[name],
            placeholder="Anyhow",
            key="source",
            bind="query-params",
        )
        first, last = _days(judged)
        days = st.date_input(
            "Recorded from and to (UTC)",
            value=(first, last),
            min_value=first,
            max_value=last,
            key="recorded",
            bind="query-params",
        )
        confidence = st.slider(
            "How sure the detector is",
            0.0,
            1.0,
            (0.0, 1.0),
            0.05,
            key="sure",
            bind="query-params",
            help="0: its score is 0.5. 1: its score is 0 or 1.",
        )
    return JudgedFilter(
        split=split,
        tasks=tuple(tasks),
        robots=tuple(robots),
        sources=tuple(sources),
        days=(days[0], days[1]) if len(days) == 2 else None,
        confidence=confidence,
    )


def _days(judged: pd.DataFrame) -> tuple[date, date]:
    at_ns = judged["recorded_at_ns"]
    return _day(int(at_ns.min())), _day(int(at_ns.max()))


def _day(at_ns: int) -> date:
    return datetime.fromtimestamp(at_ns // 1_000_000_000, UTC).date()
