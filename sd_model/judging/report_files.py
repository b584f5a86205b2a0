"""The files of a report: as data, as a table, as a page."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from data.errors import CorruptData, GoalpostError
from data.storage import read_json, write_atomically
from data.workspace import Workspace
from sd_model.artefact import DetectorSummary, list_detectors
from sd_model.examples.manifest import Manifest
from sd_model.judging.comparison import Comparison, compare
from sd_model.judging.label_counts import count_labels
from sd_model.judging.report import Report, build_report
from sd_model.judging.report_page import report_html
from sd_model.judging.report_tables import report_csv
from sd_model.judging.scores import load_scores

FORMAT = 2
"""Version of `report.json`."""

JSON = "report.json"
HTML = "report.html"
CSV = "report.csv"

_JSON: TypeAdapter[Report] = TypeAdapter(Report)


def write_report(summary: DetectorSummary, manifest: Manifest) -> Report:
    """Build the report from the folder's scores; write it as JSON, as a table and as a page.

    Raises:
        CorruptData: The scores cannot be read.
        StorageFull: The disk is full.
    """
    workspace = Workspace(summary.folder.parent.parent)
    judged = load_scores(summary.folder)
    report = build_report(
        summary,
        judged,
        warnings=manifest.warnings,
        labels=count_labels(manifest),
        comparison=_against_the_one_before(summary, judged, workspace),
    )
    content = json.dumps({"format": FORMAT, **_JSON.dump_python(report, mode="json")}, indent=1)
    write_atomically(summary.folder / JSON, content.encode() + b"\n")
    write_atomically(summary.folder / CSV, report_csv(report).encode())
    write_atomically(summary.folder / HTML, report_html(report, workspace).encode())
    return report


def load_report(folder: Path) -> Report:
    """Read `report.json` of the detector in `folder`.

    Raises:
        CorruptData: It is missing, damaged, or of another format.
    """
    path = folder / JSON
    try:
        content = read_json(path)
        if content["format"] != FORMAT:
            raise CorruptData(
                f"The report has format {content['format']}, and this Goalpost reads format "
                f"{FORMAT}.",
                where=path,
                next_step="Update Goalpost, or write it again with `goalpost sd report DETECTOR "
                "--again`.",
            )
        return _JSON.validate_python(content)
    except (OSError, KeyError, TypeError, ValidationError, json.JSONDecodeError) as error:
        raise CorruptData(
            f"The report cannot be read: {error}",
            where=path,
            next_step="Write it again with `goalpost sd report DETECTOR --again`.",
        ) from error


def _against_the_one_before(
    summary: DetectorSummary, judged: pd.DataFrame, workspace: Workspace
) -> Comparison | None:
    """The comparison with the newest earlier detector that was judged on some of the frames."""
    for before in list_detectors(workspace):
        if before.created_at_ns >= summary.created_at_ns:
            continue
        try:
            comparison = compare(
                summary.detector_id, judged, before.detector_id, load_scores(before.folder)
            )
        except GoalpostError:
            continue  # a damaged folder hides no other detector
        if comparison is not None:
            return comparison
    return None
