"""The report as one page that needs nothing else: no network, no script, no other file."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import resources

import jinja2
from markupsafe import Markup

from data.episodes.frames import CAMERAS, Size, encode_jpeg, resize
from data.episodes.shards import FrameRef, read_frames
from data.errors import GoalpostError
from data.workspace import Workspace
from sd_model.judging.label_counts import LabelCount
from sd_model.judging.reliability import Reliability, ThresholdCurve
from sd_model.judging.report import RATES, Cell, Report
from sd_model.judging.report_tables import interval_text, mean_text, percent
from sd_model.judging.worst import WorstMistake

PICTURE_WIDTH = 320
"""Width of an embedded picture [px]."""
PLOT_PX = 200
"""Side of a plot's square [px]."""

RATE_WORDS = {
    "false_negative": "Missed successes (FN)",
    "false_positive": "False successes (FP)",
    "other_false_negative": "Other-task FN",
    "other_false_positive": "Other-task FP",
}
ORIGINS = ("clip", "person", "review", "simulator", "import", "derived")


def report_html(report: Report, workspace: Workspace) -> str:
    """The report as one self-contained page, with the pictures of the worst mistakes.

    Pictures that cannot be read are left out; the rest of the report stands.
    """
    source = resources.files("sd_model.judging").joinpath("report.html").read_text("utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    created = datetime.fromtimestamp(report.created_at_ns / 1e9, UTC)
    return environment.from_string(source).render(
        report=report,
        created=created.strftime("%Y-%m-%d %H:%M UTC"),
        rates=RATE_WORDS,
        columns=RATES,
        percent=percent,
        interval=interval_text,
        mean_text=mean_text,
        cell_of={(cell.robot, cell.split, cell.task): cell for cell in report.cells},
        heat=heat,
        pair_of=[{(pair.shown, pair.judged): pair for pair in each.pairs}
                 for each in report.confusions],
        reliability_plot=reliability_plot,
        curve_plot=curve_plot,
        bars=label_bars(report.labels, report.tasks),
        origins=ORIGINS,
        pictures=_pictures(report.worst, workspace),
        cameras=CAMERAS,
        untrusted=untrusted(report),
    )  # fmt: skip


def untrusted(report: Report) -> tuple[Cell, ...]:
    """Held-out cells that are not to be relied on."""
    return tuple(
        cell
        for cell in report.cells
        if cell.split == "holdout" and cell.verdict.trust in ("cannot tell", "too few")
    )


def heat(value: float | None) -> str:
    """How strongly a cell is coloured, 0 to 1; small rates show, since few are large."""
    return f"{(value or 0.0) ** 0.5:.3f}"


def reliability_plot(each: Reliability) -> Markup:
    """Promise against truth: a dot a bin, its area the share of the frames."""
    dots = []
    for stretch in each.bins:
        if stretch.count:
            radius = 3 + 9 * (stretch.count / each.count) ** 0.5
            dots.append(
                f'<circle cx="{_x(stretch.mean_score)}" cy="{_y(stretch.success_share)}" '
                f'r="{radius:.1f}"><title>{stretch.count} frames, promised '
                f"{percent(stretch.mean_score)}, came true {percent(stretch.success_share)}"
                "</title></circle>"
            )
    diagonal = f'<line class="guide" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}"/>'
    return _plot(diagonal + "".join(dots), "score", "share that succeeded")


def curve_plot(curve: ThresholdCurve, threshold: float) -> Markup:
    """FN and FP of every threshold, and the chosen one."""

    def line(name: str, values: Sequence[float]) -> str:
        points = " ".join(f"{_x(t)},{_y(v)}" for t, v in zip(curve.threshold, values, strict=True))
        return f'<polyline class="{name}" points="{points}"/>'

    chosen = f'<line class="guide" x1="{_x(threshold)}" y1="{_y(0)}" x2="{_x(threshold)}" y2="0"/>'
    lines = line("fn", curve.false_negative) + line("fp", curve.false_positive)
    return _plot(chosen + lines, "threshold", "share wrong")


def label_bars(
    labels: Sequence[LabelCount], tasks: Sequence[str]
) -> dict[str, dict[str, dict[str, tuple[int, float]]]]:
    """Training frames by task, outcome and origin: the count, and its width in percent."""
    count: dict[tuple[str, str, str], int] = {}
    for each in labels:
        if each.split == "train":
            key = (each.task, each.outcome, each.origin)
            count[key] = count.get(key, 0) + each.frames
    total: dict[tuple[str, str], int] = {}
    for (task, outcome, _), number in count.items():
        total[task, outcome] = total.get((task, outcome), 0) + number
    longest = max(total.values(), default=1)
    return {
        task: {
            outcome: {
                origin: (
                    count.get((task, outcome, origin), 0),
                    100 * count.get((task, outcome, origin), 0) / longest,
                )
                for origin in ORIGINS
            }
            for outcome in ("success", "failure")
        }
        for task in tasks
    }


def _pictures(
    worst: Sequence[WorstMistake], workspace: Workspace
) -> dict[tuple[str, int], Mapping[str, str]]:
    """Per frame and camera, the picture as a data address."""
    found: dict[tuple[str, int], Mapping[str, str]] = {}
    for each in worst:
        key = (each.episode_id, each.frame_index)
        if key in found:
            continue
        try:
            [frames] = read_frames(workspace, [FrameRef(each.shard, *key)])
            images = frames.decode().images
        except GoalpostError:
            continue
        found[key] = {}
        for camera, image in images.items():
            height = round(image.shape[0] * PICTURE_WIDTH / image.shape[1])
            small = image
            if image.shape[1] > PICTURE_WIDTH:
                small = resize(image, Size(PICTURE_WIDTH, height))
            encoded = base64.b64encode(encode_jpeg(small)).decode()
            found[key] = {**found[key], camera: f"data:image/jpeg;base64,{encoded}"}
    return found


def _x(value: float) -> str:
    return f"{value * PLOT_PX:.1f}"


def _y(value: float) -> str:
    return f"{(1 - value) * PLOT_PX:.1f}"


def _plot(content: str, across: str, up: str) -> Markup:
    """A square from 0 to 1 on both axes. `content` is ours and holds numbers only."""
    side = PLOT_PX
    return Markup(
        f'<svg class="plot" viewBox="-34 -12 {side + 50} {side + 48}" role="img">'
        f'<rect width="{side}" height="{side}" class="frame"/>{content}'
        f'<text x="0" y="{side + 14}">0</text><text x="{side}" y="{side + 14}" '
        f'text-anchor="middle">1</text><text x="{side / 2}" y="{side + 28}" '
        f'text-anchor="middle">{across}</text><text transform="translate(-12 {side / 2}) '
        f'rotate(-90)" text-anchor="middle">{up}</text><text x="-6" y="4" '
        'text-anchor="end">1</text></svg>'
    )
