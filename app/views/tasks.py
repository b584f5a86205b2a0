"""The Tasks page: what the robots should achieve, and how the tasks relate."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from app import state
from app.pages import link
from app.pairing import kept_clips
from app.readiness import LabelCounts, Tally
from app.relations import relation_sentences
from app.snapshot import label_counts
from app.task_form import TaskDraft, proposed_task, proposed_tasks
from app.widgets.notice import errors_shown, show_error
from data.errors import GoalpostError
from data.task_store import define_task
from data.tasks import TaskSet

_NEW_SKILL = "A new skill …"


def render() -> None:
    """Show the page."""
    st.title("Tasks")
    st.write(
        "A task is one goal that can be judged from its final image. Tasks of one skill look alike "
        "and are learned together."
    )
    tasks = state.tasks()
    defined, define, edit = st.tabs(["Tasks", "Define a task", "Change a task"])
    with defined:
        _show_tasks(tasks, label_counts())
    with define:
        _define(tasks)
    with edit:
        _edit(tasks)


def _show_tasks(tasks: TaskSet, counts: LabelCounts) -> None:
    kept = kept_clips((each.info for each in state.episodes()), state.labels())
    clips = Counter(info.task for info in kept)
    skills = list(dict.fromkeys(task.skill for task in tasks))
    for skill in skills:
        st.subheader(f"Skill: {skill}")
        # A static table, since its cells wrap: a long name or description is never cut off.
        st.table(
            [
                {
                    "task": name,
                    "what success looks like": tasks[name].description,
                    "clips": clips[name],
                    **_row(counts.of(name)),
                }
                for name in tasks.of_skill(skill)
            ],
            hide_index=True,
            border="horizontal",
            alt=f"Tasks of the skill {skill} with the number of their labels",
        )
    st.caption(
        "**Clips** were recorded by a person to show the task. **Successes** and **failures** are "
        "clips and terminal frames that somebody labelled. **Derived** outcomes follow from labels "
        "of other tasks, so nobody has to label them."
    )
    with st.container(horizontal=True):
        link("record", "Record a pair of a task")
    name = st.selectbox(
        "What does a label of this task say about other tasks?",
        tasks.names,
        help="The relations of a task turn one label into several.",
    )
    for sentence in relation_sentences(tasks, name):
        st.markdown(f"- {sentence}")


def _row(tally: Tally) -> dict[str, int]:
    return {
        "successes": tally.success,
        "failures": tally.failure,
        "derived": tally.derived_success + tally.derived_failure,
    }


def _define(tasks: TaskSet) -> None:
    if name := st.session_state.pop("task-defined", None):
        st.success(f"The task {name} is defined.", icon=":material/check_circle:")
        link("record", f"Record a pair of {name}")
    # A number in the keys: after a task is saved the form begins anew, and empty.
    key = f"new-task-{st.session_state.get('task-forms', 0)}"
    draft = TaskDraft(
        name=st.text_input(
            "Name",
            key=f"{key}-name",
            placeholder="lift-carrot",
            live=True,
            help="Lower-case words joined by hyphens. It cannot be changed later.",
        ),
        skill=_choose_skill(tasks, key),
        description=st.text_area(
            "What does success look like?",
            key=f"{key}-description",
            placeholder="The gripper holds the carrot clear of the bin.",
            help="One sentence for the person who shows or labels the task.",
        ),
        **_choose_relations(key, tasks.names, (), ()),
    )
    usable = False
    if draft.name and draft.skill:
        usable = _preview(tasks, draft, new=True)
    else:
        st.info("Type a name to see what the new task would mean.", icon=":material/info:")
    if st.button(
        "Define this task",
        type="primary",
        key="define-task",
        disabled=not usable,
        help="Saves the task. Its description and relations can be changed later.",
    ):
        with errors_shown():
            define_task(state.catalog(), proposed_task(tasks, draft, new=True))
            st.session_state["task-forms"] = st.session_state.get("task-forms", 0) + 1
            st.session_state["task-defined"] = draft.name
            st.rerun()


def _choose_skill(tasks: TaskSet, key: str) -> str:
    skills = list(dict.fromkeys(task.skill for task in tasks))
    chosen = st.selectbox(
        "Skill",
        [*skills, _NEW_SKILL],
        key=f"{key}-skill",
        help="Tasks of one skill share what the robot must do; episodes of one serve the others.",
    )
    if chosen != _NEW_SKILL:
        return chosen
    return st.text_input(
        "Name of the new skill",
        key=f"{key}-new-skill",
        placeholder="wipe",
        live=True,
        help="Lower-case words joined by hyphens.",
    )


def _choose_relations(
    key: str, names: tuple[str, ...], implies: tuple[str, ...], excludes: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    return {
        "implies": tuple(
            st.multiselect(
                "When it succeeds, these have succeeded too",
                names,
                default=list(implies),
                key=f"{key}-implies",
                placeholder="None",
                help="Lifting the carrot is lifting something: lift-carrot implies lift-any.",
            )
        ),
        "excludes": tuple(
            st.multiselect(
                "When it succeeds, these have failed",
                names,
                default=list(excludes),
                key=f"{key}-excludes",
                placeholder="None",
                help="One gripper lifts one object: lift-carrot excludes lift-banana.",
            )
        ),
    }


def _preview(tasks: TaskSet, draft: TaskDraft, *, new: bool) -> bool:
    """Say what the draft would mean; False where it cannot be saved."""
    try:
        changed = proposed_tasks(tasks, draft, new=new)
    except GoalpostError as error:
        show_error(error)
        return False
    with st.container(border=True):
        st.markdown(f"**What {draft.name} would mean**")
        for sentence in relation_sentences(changed, draft.name):
            st.markdown(f"- {sentence}")
    return True


def _edit(tasks: TaskSet) -> None:
    if name := st.session_state.pop("task-changed", None):
        st.success(f"The task {name} was changed.", icon=":material/check_circle:")
    name = st.selectbox(
        "Task to change",
        tasks.names,
        key="edit-task",
        help="The name and the skill of a task stay as they are: labels refer to them.",
    )
    task = tasks[name]
    others = tuple(other for other in tasks.names if other != name)
    draft = TaskDraft(
        name=name,
        skill=task.skill,
        description=st.text_area(
            "What does success look like?",
            value=task.description,
            key=f"edit-{name}-description",
            help="One sentence for the person who shows or labels the task.",
        ),
        **_choose_relations(f"edit-{name}", others, task.implies, task.excludes),
    )
    if not _preview(tasks, draft, new=False):
        return
    changed = proposed_task(tasks, draft, new=False)
    if changed == task:
        st.caption("Nothing is changed yet.")
    if st.button(
        "Save the change",
        type="primary",
        key="save-task",
        disabled=changed == task,
        help="Derived labels are recomputed from the new relations; no label is lost.",
    ):
        with errors_shown():
            define_task(state.catalog(), changed)
            st.session_state["task-changed"] = name
            st.rerun()
