"""Defining and changing a task on the Tasks page: plain words, then questions about the others."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app import access, state
from app.examples import Examples
from app.pages import streamlit_page
from app.relations import relation_sentences
from app.task_form import (
    Relation,
    TaskDraft,
    name_from_words,
    proposed_task,
    proposed_tasks,
    suggested_implying,
    suggested_relations,
    suggested_skill,
)
from app.widgets.examples import show_examples
from app.widgets.notice import errors_shown, show_error
from app.wording import listed
from data.errors import GoalpostError
from data.tasks.changes import archive_task, define_task, rename_task
from data.tasks.tasks import SEED_TASKS, TaskSet

_NEW_SKILL = "A new skill …"
_DEFINED = "task-defined"
"""Session state: the task that was defined last, until the next is begun."""
_ANSWERS: dict[Relation, str] = {
    "succeeded": "Yes, always",
    "failed": "No, never",
    "either": "It depends",
}


def define(tasks: TaskSet, examples: Mapping[str, Examples]) -> None:
    """The form for a new task."""
    # A number in the keys: after a task is saved the form begins anew, and empty.
    key = f"new-task-{st.session_state.get('task-forms', 0)}"
    if st.session_state.get(f"{key}-name"):
        st.session_state.pop(_DEFINED, None)
    if defined := st.session_state.get(_DEFINED):
        _show_defined(defined)
    typed = st.text_input(
        "Name",
        key=f"{key}-name",
        placeholder="Lift the carrot",
        live=True,
        help="A few plain words. They become lower-case words joined by hyphens.",
    )
    name = name_from_words(typed or "")
    if name and name != typed:
        st.caption(f"It will be called **{name}**.")
    description = st.text_area(
        "What does success look like?",
        key=f"{key}-description",
        placeholder="The gripper holds the carrot clear of the bin.",
        help="One sentence that the last picture can show, for whoever shows or labels the task.",
    )
    skill = _choose_skill(tasks, key, suggested_skill(tasks, name, description or ""))
    if not (name and skill):
        missing = "Choose its skill" if name else "Type a name"
        st.info(f"{missing} to see what the new task would mean.", icon=":material/info:")
        return
    relations = _ask_relations(
        tasks, key, name, skill, suggested_relations(tasks, name, skill), examples
    )
    draft = TaskDraft(
        name=name,
        skill=skill,
        description=description or "",
        implies=_with(relations, "succeeded"),
        excludes=_with(relations, "failed"),
        implied_by=_ask_implying(
            tasks, key, name, relations, suggested_implying(tasks, name, skill)
        ),
    )
    usable = _preview(tasks, draft, new=True)
    if access.button(
        "Define this task",
        type="primary",
        role="label",
        key="define-task",
        disabled=not usable,
        help="Saves the task. Everything about it can be changed later.",
    ):
        with errors_shown():
            define_task(
                state.catalog(),
                proposed_task(tasks, draft, new=True),
                implied_by=draft.implied_by,
            )
            st.session_state["task-forms"] = st.session_state.get("task-forms", 0) + 1
            st.session_state[_DEFINED] = draft.name
            st.rerun()


def _show_defined(name: str) -> None:
    with st.container(border=True):
        st.markdown(f":material/check_circle: **The task {name} is defined.** Now show it:")
        if st.button(
            f"Record a pair of {name}",
            type="primary",
            key="record-defined",
            icon=":material/videocam:",
        ):
            del st.session_state[_DEFINED]
            st.switch_page(streamlit_page("record"), query_params={"record-task": name})
    st.markdown("##### Define another task")


def edit(tasks: TaskSet, examples: Mapping[str, Examples]) -> None:
    """The form that changes, renames or archives a task."""
    if changed := st.session_state.pop("task-changed", None):
        st.success(changed, icon=":material/check_circle:")
    name = st.selectbox("Task to change", state.tasks_to_choose(), key="edit-task")
    if name is None:
        return
    task = tasks[name]
    description = st.text_area(
        "What does success look like?",
        value=task.description,
        key=f"edit-{name}-description",
        help="One sentence for the person who shows or labels the task.",
    )
    now: dict[str, Relation] = dict.fromkeys(tasks.in_use, "either")
    for other in task.implies:
        now[other] = "succeeded"
    for other in task.excludes:
        now[other] = "failed"
    relations = _ask_relations(tasks, f"edit-{name}", name, task.skill, now, examples)
    draft = TaskDraft(
        name=name,
        skill=task.skill,
        description=description or "",
        implies=_with(relations, "succeeded"),
        excludes=_with(relations, "failed"),
    )
    if _preview(tasks, draft, new=False):
        changed_task = proposed_task(tasks, draft, new=False)
        # The order of the relations says nothing.
        same = (task.description, set(task.implies), set(task.excludes)) == (
            changed_task.description, set(changed_task.implies), set(changed_task.excludes),
        )  # fmt: skip
        if same:
            st.caption("Nothing is changed yet.")
        if access.button(
            "Save the change",
            type="primary",
            role="label",
            key="save-task",
            disabled=same,
            help="Derived labels are recomputed from the new relations; no label is lost.",
        ):
            with errors_shown():
                define_task(state.catalog(), changed_task)
                _done(f"The task {name} was changed.")
    _offer_rename(name)
    _offer_archive(name)


def _done(words: str) -> None:
    st.session_state["task-changed"] = words
    st.rerun()


def _offer_rename(name: str) -> None:
    with st.expander("Rename it"):
        if name in SEED_TASKS:
            st.caption(
                f"{name} came with Goalpost, and simulated cells know it by this name. Change its "
                "description, or archive it and define a task of your own."
            )
            return
        new = name_from_words(st.text_input("New name", key=f"rename-{name}", live=True) or "")
        st.caption(
            "Its clips, labels and relations stay with it. Detectors that were trained before keep "
            "the old name: train again after renaming."
        )
        if access.button(
            f"Rename it to {new}" if new else "Rename it",
            role="label",
            key="rename-task",
            disabled=not new or new == name,
        ):
            with errors_shown():
                rename_task(state.catalog(), name, new)
                _done(f"{name} is called {new} now.")


def _offer_archive(name: str) -> None:
    with st.expander("Archive it"):
        st.markdown(
            f"{name} will no longer be offered on the other pages. Its clips and labels are kept, "
            "and *Bring it back* under *Tasks* undoes this."
        )
        if access.button("Archive this task", key="archive-task"):
            with errors_shown():
                archive_task(state.catalog(), name)
                _done(f"{name} is archived.")


def _choose_skill(tasks: TaskSet, key: str, suggested: str | None) -> str:
    skills = list(dict.fromkeys(task.skill for task in tasks))
    chosen = st.selectbox(
        "Skill: what the robot does is most like",
        [*skills, _NEW_SKILL],
        index=skills.index(suggested) if suggested else None,
        format_func=lambda skill: _skill_words(tasks, skill),
        # The suggestion is part of the key, so that a new one is taken up until somebody chooses.
        key=f"{key}-skill-{suggested}",
        placeholder="Choose what it is like",
        help="Tasks of one skill share what the robot must do; episodes of one serve the others.",
    )
    if chosen != _NEW_SKILL:
        return chosen or ""
    return name_from_words(
        st.text_input(
            "Name of the new skill", key=f"{key}-new-skill", placeholder="wipe", live=True
        )
        or ""
    )


def _skill_words(tasks: TaskSet, skill: str) -> str:
    known = [name for name in tasks.of_skill(skill) if not tasks[name].archived]
    return f"{skill}: as {listed(known, limit=3)}" if known else skill


def _ask_relations(
    tasks: TaskSet,
    key: str,
    name: str,
    skill: str,
    suggested: Mapping[str, Relation],
    examples: Mapping[str, Examples],
) -> dict[str, Relation]:
    """One question about every other task in use; archived ones keep what was said of them."""
    others = [task for task in tasks.in_use if task != name]
    near = [task for task in others if tasks[task].skill == skill]
    far = [task for task in others if tasks[task].skill != skill]
    answers: dict[str, Relation] = {}
    if near:
        st.markdown(f"**When {name} is done, is this done too?**")
        if name not in tasks:
            st.caption("The answers are proposed from the name and the skill. Check each.")
    for task in near:
        answers[task] = _ask(task, tasks, key, suggested[task], examples)
    if far:
        with st.expander(f"The same question about {len(far)} tasks of other skills"):
            for task in far:
                answers[task] = _ask(task, tasks, key, suggested[task], examples)
    kept = {task: answer for task, answer in suggested.items() if tasks[task].archived}
    return kept | answers


def _ask(
    task: str,
    tasks: TaskSet,
    key: str,
    suggested: Relation,
    examples: Mapping[str, Examples],
) -> Relation:
    question, picture = st.columns([5, 1], vertical_alignment="center")
    with picture:
        show_examples(task, examples.get(task), only="success")
    answer: Relation = question.radio(
        f"{task}: {tasks[task].description}",
        list(_ANSWERS),
        index=list(_ANSWERS).index(suggested),
        format_func=lambda relation: _ANSWERS[relation],
        horizontal=True,
        key=f"{key}-about-{task}-{suggested}",
    )
    return answer


def _ask_implying(
    tasks: TaskSet,
    key: str,
    name: str,
    relations: Mapping[str, Relation],
    suggested: tuple[str, ...],
) -> tuple[str, ...]:
    """The other way round, which can only be so where the first answer left it open."""
    possible = [task for task, relation in relations.items() if relation == "either"]
    return tuple(
        st.multiselect(
            f"And the other way round: when which of these is done, is {name} always done too?",
            [task for task in possible if not tasks[task].archived],
            default=[task for task in suggested if task in possible],
            key=f"{key}-implied-by-{suggested}",
            placeholder="None",
            help="Lifting the carrot is lifting something, so lift-carrot counts for lift-any.",
        )
    )


def _with(relations: Mapping[str, Relation], wanted: Relation) -> tuple[str, ...]:
    return tuple(task for task, relation in relations.items() if relation == wanted)


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
