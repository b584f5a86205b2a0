"""On Home: the tasks that somebody has begun, each with its next step."""

from __future__ import annotations

import streamlit as st

from app import state
from app.budget import measure_progress
from app.pages import link
from app.task_steps import TaskStep, task_step
from data.tasks.tasks import SEED_TASKS
from sd_model.judging.report import Report

_SHOWN = 6


def show_begun_tasks(report: Report | None) -> None:
    """One's own tasks, and the others of which there are clips; nothing where there are none.

    Args:
        report: The newest detector's.
    """
    census, pairs = state.census(), state.pair_counts()
    recorded = {task for _, task, _ in census.clips}
    begun = [name for name in state.tasks_to_choose() if name not in SEED_TASKS or name in recorded]
    if not begun:
        return
    st.subheader("Your tasks")
    robots = state.robots_with_cameras()
    with st.container(border=True):
        for name in begun[:_SHOWN]:
            progress = measure_progress(name, census, pairs)
            _show(task_step(progress, name, census, robots=robots, report=report))
    if len(begun) > _SHOWN:
        link("tasks", f"See all {len(begun)} of them")


def _show(step: TaskStep) -> None:
    text, way = st.columns([5, 2], vertical_alignment="center")
    text.markdown(f"**{step.task}** :gray[{step.there}]  \n{step.text}")
    with way:
        query = {"record-task": step.task} if step.page == "record" else None
        link(step.page, step.action, query)
