from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from data.labels.labels import Label, append_labels
from data.labels.notes import read_notes
from data.runs.runs import RunStatus, create_run, status_json
from sd_model.judging.comparison import Comparison, TaskChange
from sd_model.judging.report_files import JSON
from sd_model.judging.scores import as_table, load_scores, save_scores

NOW_NS = 1_790_000_000_000_000_000


def _page() -> None:
    from app.views.review import render

    render()


def _run() -> AppTest:
    at = AppTest.from_function(_page, default_timeout=30.0).run()
    assert not at.exception
    return at


def _counts(at: AppTest) -> str:
    return next(each.value for each in at.markdown if "taken for success" in each.value)


def test_without_a_detector_the_page_says_what_to_do(world: Any) -> None:
    assert any("There is no detector yet" in each.value for each in _run().markdown)


def test_a_detector_without_mistakes(world: Any) -> None:
    world.add_detector("first", ["lift-any"])
    at = _run()
    assert "None in this selection. Choose another list above" in at.success[0].value
    assert _counts(at) == (
        "**0 of 4 failures (0.0%)** taken for success, "
        "**0 of 2 successes (0.0%)** taken for failure."
    )


def test_another_threshold_recounts_without_asking_the_detector(world: Any) -> None:
    world.add_detector("first", ["lift-any"])  # successes score 0.9, failures 0.1
    at = _run()
    at.segmented_control(key="show").set_value("false negatives").run()
    at.toggle(key="review-other-threshold").set_value(True).run()
    at.slider[1].set_value(0.95).run()
    assert "2 of 2 successes (100.0%)" in _counts(at)
    assert any("own threshold: **0 of 4" in each.value for each in at.caption)
    # These scores name no stored pictures, which is told and takes nothing away from the counts.
    assert at.error
    at.slider[1].set_value(0.5).run()
    assert "0 of 2 successes (0.0%)" in _counts(at)


def test_missing_scores_are_told_in_words(world: Any) -> None:
    (world.add_detector("first", ["lift-carrot"]).folder / "scores.parquet").unlink()
    at = AppTest.from_function(_page).run()
    assert not at.exception
    assert "scores" in at.error[0].value


def test_the_address_says_what_is_shown(world: Any) -> None:
    world.add_detector("first", ["lift-any", "lift-carrot"], false_positives=1)
    at = AppTest.from_function(_page, default_timeout=30.0)
    at.query_params["task"] = "lift-carrot"
    at.query_params["show"] = "least sure"
    at.run()
    assert not at.exception
    assert at.multiselect(key="task").value == ["lift-carrot"]
    assert "1 of 4 failures" in _counts(at)


@pytest.mark.parametrize("show", ["suspicious", "disagreement", "second look", "newest policy"])
def test_every_gallery_opens_with_little_to_show(world: Any, show: str) -> None:
    world.add_detector("first", ["lift-any"])
    at = AppTest.from_function(_page, default_timeout=30.0)
    at.query_params["show"] = show
    at.run()
    assert not at.exception


def test_the_history_says_why(world: Any) -> None:
    world.record_pair("robot-7", "lift-any")
    world.add_detector("first", ["lift-any"])
    clip = "clip-robot-7-lift-any-0-failure"
    answer = Label(
        label_id="fixed", episode_id=clip, frame_index=None, task="lift-any", outcome="success",
        by="ana", source="review", at_ns=NOW_NS + 1,
    )  # fmt: skip
    append_labels(world.catalog, [answer])
    at = _run()
    assert not any(str(each.key).startswith("why-") for each in at.text_input)  # shut
    at.session_state["review-history"] = True
    at.run()
    at.text_input(key="why-fixed").input("It was up_all along").run()
    at.button(key="why-save-fixed").click().run()
    assert not at.exception
    assert any("It was up\\_all along” :gray[" in each.value for each in at.markdown)
    assert read_notes(world.workspace)[clip].text == "It was up_all along"


def test_a_detector_that_knows_an_answer_is_told_to_be_judged_by_it(world: Any) -> None:
    """It agrees with what it was corrected by, and the label from before is not in its scores."""
    world.record_pair("robot-7", "lift-any")
    summary = world.add_detector("first", ["lift-any"], false_positives=1)
    clip = "clip-robot-7-lift-any-0-failure"
    judged = load_scores(summary.folder)
    names = judged["episode_id"].astype(str).replace("lift-any-failure-0", clip)
    judged = judged.assign(episode_id=names)
    save_scores(summary.folder, as_table(judged))
    answer = Label(
        label_id="fixed", episode_id=clip, frame_index=None, task="lift-any", outcome="success",
        by="ana", source="review", at_ns=NOW_NS + 1,
    )  # fmt: skip
    append_labels(world.catalog, [answer])
    at = AppTest.from_function(_page)
    at.session_state["review-history"] = True

    def told() -> str:
        at.run()
        assert not at.exception
        return "\n".join(each.value for each in (*at.markdown, *at.caption))

    text = told()
    assert "judged by 0 of these answers; 1 would change how it is judged." in text
    assert "It had been labelled failure; the detector gave 0.90: a false positive" in text
    fixed = judged["episode_id"] == clip
    for column, value in {"outcome": "success", "label_id": "fixed", "source": "review"}.items():
        judged[column] = judged[column].astype(str).mask(fixed, value)
    save_scores(summary.folder, as_table(judged))
    text = told()
    assert "judged by 1 of these answers; 0 would change how it is judged." in text
    assert "judged by this answer and gave 0.90: it agreed with the label" in text


def test_the_frames_of_other_tasks_are_counted_apart_as_in_the_report(world: Any) -> None:
    summary = world.add_detector("first", ["lift-any", "lift-can"], false_positives=1)
    judged = load_scores(summary.folder)
    # The mistake about lift-any was made on an episode of lift-can.
    mistaken = judged["decision"] & (judged["outcome"] == "failure")
    shown = judged["shown_task"].astype(str).where(~mistaken, "lift-can")
    save_scores(summary.folder, as_table(judged.assign(shown_task=shown)))
    at = _run()
    assert _counts(at).startswith("**1 of 7 failures (14.3%)**")
    told = "\n".join(each.value for each in at.caption)
    assert "On frames of other tasks' episodes: **1 of 1 failures (100.0%)**" in told


def _retrained(world: Any, **result: str) -> None:
    """A training that went on from the first detector, and how it ended."""
    run = create_run(world.workspace, "train-detector", {"from_detector": "first"})
    state = "done" if result else "failed"
    status = RunStatus(state=state, result=dict(result), error="No room on the disk.")
    run.status_path.write_bytes(status_json(status))


def test_what_a_retraining_changed_is_said_and_the_new_detector_is_a_click_away(
    world: Any,
) -> None:
    world.add_detector("first", ["lift-any"], false_positives=1)
    folder = world.add_detector("second", ["lift-any"], created_at_ns=NOW_NS - 1).folder
    comparison = Comparison(
        before="first",
        now="second",
        tasks=(
            TaskChange(
                task="lift-any", successes=2, failures=4, missed_before=0, missed_now=0,
                accepted_before=1, accepted_now=0, mended=1, broken=0, change="better",
            ),
        ),
    )  # fmt: skip
    known = json.loads((folder / JSON).read_text())
    (folder / JSON).write_text(json.dumps(known | {"comparison": asdict(comparison)}))
    _retrained(world, detector="second")
    at = _run()
    told = [each.value for each in at.markdown]
    assert any("The retrained detector is ready" in each for each in told)
    assert any("**1 frame mended, 0 broken**" in each for each in told)
    at.button(key="review-retrained").click().run()
    assert at.selectbox(key="detector").value == "second"
    assert not any("retrained detector is ready" in each.value for each in at.markdown)


def test_a_retraining_that_failed_is_told_where_it_was_started(world: Any) -> None:
    world.add_detector("first", ["lift-any"])
    _retrained(world)
    assert "No room on the disk." in [each.value for each in _run().error]
