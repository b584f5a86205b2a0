"""The Detector page: what there is to learn from, training, and the report."""

from __future__ import annotations

import streamlit as st

from app import access, jobs, state
from app.forecast import detector_time
from app.pages import link, nothing_yet
from app.pointing import ENOUGH, still_to_show
from app.readiness import judge_readiness, learnable, proposed_holdout
from app.verdict import detector_words
from app.widgets.notice import errors_shown, show_left_out
from app.widgets.report_view import show_report
from app.widgets.run_progress import show_run, warn_if_busy
from app.wording import counted, listed
from data.catalog.counts import OutcomeCounts, Tally
from data.labels.sightings import read_sightings
from data.runs.runs import list_runs
from sd_model.artefact import DetectorSummary, damaged_detectors, list_detectors
from sd_model.config import RECIPES

_RECIPE_TIMES = {
    "smoke": "seconds to a minute",
    "quick": "about three minutes",
    "cpu": "about ten minutes",
}
"""On two cores that do nothing else."""
_RECIPE_WORDS = {
    "smoke": f"smoke: {_RECIPE_TIMES['smoke']}, shows only that everything runs",
    "quick": f"quick: {_RECIPE_TIMES['quick']}, for a first detector from ten pairs a task and "
    "robot",
    "cpu": f"cpu: {_RECIPE_TIMES['cpu']} on two cores, useful without a graphics card",
    "paper": "paper: the sizes of the MT-Opt paper, for a computer with a graphics card",
}


def render() -> None:
    """Show the page."""
    st.title("Detector")
    st.write(
        "The detector looks at the three pictures of a frame and says which tasks succeeded. It is "
        "judged on robots whose answers it was never told: it only knows how their pictures look."
    )
    for run in jobs.runs_to_show(state.workspace(), "train-detector"):
        show_run(run, headline_metrics=("loss",))
    detectors = list_detectors(state.workspace())
    names = ["Train", f"Reports ({len(detectors)})"]
    train, reports = st.tabs(
        names,
        default=names[1] if detectors else names[0],
        # Other tabs once there is a newer detector, so that its report opens by itself.
        key=f"detector-tabs-{detectors[0].detector_id if detectors else ''}",
        on_change="rerun",
    )
    with train:
        _train(state.outcome_counts(), first=not detectors)
    with reports:
        show_left_out(damaged_detectors(state.workspace()))
        _reports(detectors)


def _train(counts: OutcomeCounts, *, first: bool) -> None:
    """What there is to learn from, and the form; a `first` detector is proposed a quick recipe."""
    if not counts.robots:
        nothing_yet(
            "**Nothing is labelled yet.** A detector learns from clips of success and failure: "
            "record a pair of a task on each of at least two robots.",
            page="record",
            label="Record a pair",
        )
        return
    _show_data(counts)
    labelled = [name for name in state.tasks_to_choose() if counts.of(name) != Tally()]
    both = [n for n in labelled if counts.of(n).successes and counts.of(n).failures]
    apart = proposed_holdout(counts, both)
    proposed = learnable(counts, both, apart) or both
    chosen = st.multiselect(
        "Tasks the detector shall judge",
        labelled,
        default=proposed,
        key="detector-tasks",
        help="Every task with at least one success and one failure can be learned.",
    )
    if others := [name for name in both if name not in proposed]:
        st.caption(
            f"Not proposed: {listed(others, limit=4)}. Success and failure were not both shown on "
            "the robots that train it; a pair on one of them will do."
        )
    holdout = st.multiselect(
        "Robots held out",
        counts.robots,
        default=apart,
        key="detector-holdout",
        help="No answer about these robots is used in training, only how their pictures look. How "
        "the detector does on them tells how it does on a new robot once it is trained again with "
        "pictures of that one; before that it errs more often.",
    )
    recipe = st.selectbox(
        "Recipe",
        RECIPES,
        index=RECIPES.index("quick" if first else "cpu"),
        format_func=lambda name: _RECIPE_WORDS.get(name, name),
        key="detector-recipe",
        help="How large the network is and how long it trains.",
    )
    with st.expander("Advanced"):
        seed = st.number_input(
            "Seed",
            min_value=0,
            value=0,
            key="detector-seed",
            help="The same data, recipe and seed give the same detector.",
        )
    verdict = judge_readiness(counts, chosen, holdout)
    if verdict.problems:
        st.error(
            "**Training cannot start yet.**\n" + "\n".join(f"- {text}" for text in verdict.problems)
        )
        link("record", "Record a pair")
    if verdict.cautions:
        with st.expander(f"Worth knowing first ({len(verdict.cautions)})", expanded=False):
            st.markdown("\n".join(f"- {text}" for text in verdict.cautions))
    if not verdict.problems:
        _say_what_it_takes(counts, chosen, holdout, recipe)
    _say_whose_gripper_is_unknown(counts)
    warn_if_busy()
    if access.button(
        "Train the detector",
        type="primary",
        key="train-detector",
        disabled=bool(verdict.problems),
        help="Starts a run in the background. You can leave this page or close the browser.",
    ):
        with errors_shown():
            jobs.start(
                state.workspace(),
                "train-detector",
                {
                    "recipe": recipe,
                    "overrides": {},
                    "holdout": holdout,
                    "tasks": chosen,
                    "seed": int(seed),
                },
            )
            st.rerun()


def _say_what_it_takes(
    counts: OutcomeCounts, chosen: list[str], holdout: list[str], recipe: str
) -> None:
    """How long it will take, from how much it learns, and what it brings."""
    training = [robot for robot in counts.robots if robot not in holdout]
    learned, judged = (
        sum((counts.of(task, robots) for task in chosen), Tally()) for robots in (training, holdout)
    )
    takes = detector_time(list_runs(state.workspace()), recipe, _RECIPE_TIMES.get(recipe))
    st.markdown(
        f"**It takes** {takes}. **It learns** from "
        f"{_outcomes(learned)} on {listed(training)}. **It brings** a detector of "
        f"{counted(len(chosen), 'task')}, and a report of how often it errs on {listed(holdout)}, "
        f"by {_outcomes(judged)} there."
    )


def _say_whose_gripper_is_unknown(counts: OutcomeCounts) -> None:
    robots = [robot for name, robot in state.robots().items() if name in counts.robots]
    missing = still_to_show(robots, read_sightings(state.workspace()))
    if missing:
        st.warning(
            f"**{listed(missing)}: nobody says where the gripper is.** A detector that does not "
            f"know looks less closely, and errs more. Show it in {ENOUGH} pictures first."
        )
        link("robots", "Show where the gripper is")


def _outcomes(tally: Tally) -> str:
    return (
        f"{counted(tally.successes, 'success', 'successes')} and "
        f"{counted(tally.failures, 'failure')}"
    )


def _show_data(counts: OutcomeCounts) -> None:
    known = [name for name in state.tasks_to_choose() if counts.of(name) != Tally()]
    both = [n for n in known if counts.of(n).successes and counts.of(n).failures]
    st.markdown("**What there is to learn from** · successes / failures, by robot")
    if both:
        st.dataframe(
            [_data_row(counts, name) for name in both],
            hide_index=True,
            alt="Successes and failures by task and robot, clips and terminal frames",
        )
    st.caption(
        "A clip counts once, and so does a labelled terminal frame. Derived outcomes follow from "
        "labels of other tasks."
    )
    others = [name for name in known if name not in both]
    if others:
        with st.expander(f"Tasks that lack successes or failures ({len(others)})"):
            st.dataframe(
                [_data_row(counts, name) for name in others],
                hide_index=True,
                alt="Tasks that cannot be learned yet",
            )
            st.markdown("Record a pair of a task to let a detector learn it.")


def _data_row(counts: OutcomeCounts, task: str) -> dict[str, str]:
    total = counts.of(task)
    row = {"task": task}
    for robot in counts.robots:
        tally = counts.of(task, [robot])
        row[robot] = f"{tally.successes} / {tally.failures}"
    row["of these derived"] = f"{total.derived_success} / {total.derived_failure}"
    return row


def _reports(detectors: list[DetectorSummary]) -> None:
    if not detectors:
        st.markdown("No detector has been trained yet. Its report will appear here.")
        return
    by_id = {detector.detector_id: detector for detector in detectors}
    chosen = st.selectbox(
        "Report of the detector",
        list(by_id),
        format_func=lambda name: detector_words(by_id[name]),
        # Named after the newest, so that a detector that has just been trained opens by itself.
        key=f"detector-report-{detectors[0].detector_id}",
        help="The newest comes first.",
    )
    show_report(by_id[chosen])
