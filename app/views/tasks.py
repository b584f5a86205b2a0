"""The Tasks page: what the robots should achieve, and how the tasks relate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import streamlit as st

from app import access, state
from app.examples import Examples, task_examples
from app.next_step import DEFINING
from app.pages import link
from app.relations import relation_sentences
from app.views import task_editor
from app.widgets.examples import show_examples
from app.widgets.notice import errors_shown
from app.wording import counted
from data.catalog.counts import OutcomeCounts, Tally
from data.tasks.changes import archive_task
from data.tasks.tasks import SEED_TASKS, Task, TaskSet


def render() -> None:
    """Show the page."""
    st.title("Tasks")
    st.write(
        "A task is one goal that can be judged from its final image. Tasks of one skill look alike "
        "and are learned together."
    )
    tasks = state.tasks()
    defined, define, edit = st.tabs(
        ["Tasks", *DEFINING.values(), "Change a task"],
        key="tasks-tab",
        on_change="rerun",
        bind="query-params",
    )
    if defined.open:
        with defined:
            _show_tasks(tasks, state.outcome_counts(), task_examples())
    if define.open:
        with define:
            task_editor.define(tasks, task_examples())
    if edit.open:
        with edit:
            task_editor.edit(tasks, task_examples())


def _show_tasks(tasks: TaskSet, counts: OutcomeCounts, examples: Mapping[str, Examples]) -> None:
    clips = Counter[str]()
    for (_, name, _), count in state.census().clips.items():
        clips[name] += count
    in_use = [tasks[name] for name in tasks.in_use]
    own = [task for task in reversed(in_use) if task.name not in SEED_TASKS]
    parts = {"Your own": own} if own else {}
    for task in in_use:
        if task not in own:
            parts.setdefault(f"Skill: {task.skill}", []).append(task)
    for title, part in parts.items():
        st.subheader(title)
        for task in part:
            _card(tasks, task, clips[task.name], counts.of(task.name), examples.get(task.name))
    archived = [task for task in tasks if task.archived]
    if archived:
        st.subheader("Archived")
        st.caption("No longer offered. Their clips and labels are kept.")
        for task in archived:
            _archived_row(task)
    st.caption(
        "**Clips** were recorded by a person to show the task. **Successes** and **failures** are "
        "clips and terminal frames that somebody labelled. **Derived** outcomes follow from labels "
        "of other tasks, so nobody has to label them."
    )


def _card(tasks: TaskSet, task: Task, clips: int, tally: Tally, examples: Examples | None) -> None:
    derived = tally.derived_success + tally.derived_failure
    with st.container(border=True, key=f"task-{task.name}"):
        words, pictures = st.columns([3, 2], gap="medium")
        with words:
            st.markdown(f"**{task.name}**  \n{task.description}")
            st.caption(
                f"{counted(clips, 'clip')} · {counted(tally.success, 'success', 'successes')} · "
                f"{counted(tally.failure, 'failure')} · {derived} derived"
            )
            with st.container(horizontal=True, vertical_alignment="center"):
                link("record", "Record a pair", {"record-task": task.name})
                with st.popover("What it says about others", type="tertiary"):
                    sentences = relation_sentences(tasks, task.name)
                    st.markdown("\n".join(f"- {text}" for text in sentences))
        with pictures:
            if examples is None:
                st.caption("Its pictures will come from its clips.")
            show_examples(task.name, examples)


def _archived_row(task: Task) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{task.name}** {task.description}", width="stretch")
        if access.button("Bring it back", key=f"unarchive-{task.name}"):
            with errors_shown():
                archive_task(state.catalog(), task.name, archived=False)
                st.rerun()
