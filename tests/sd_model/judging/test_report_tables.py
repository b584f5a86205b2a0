from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from sd_model.artefact import DetectorSummary
from sd_model.judging.report import build_report
from sd_model.judging.report_tables import report_table


def test_a_line_a_task_with_counts_and_intervals(
    table: Callable[..., pd.DataFrame], summary: DetectorSummary
) -> None:
    rows = [(f"e{n}", "lift-carrot", "lift-carrot", "failure", 0.9) for n in range(32)]

    text = report_table(build_report(summary, table(rows), warnings=["few clips"]))

    line = next(line for line in text.splitlines() if line.startswith("lift-carrot"))
    assert line.split()[:5] == ["lift-carrot", "32", "0", "32", "0.0%"]
    # Wilson of 32 in 32: 32 / (32 + 3.84) = 89.3%.
    assert "100.0% (32 of 32, 89.3 to 100.0%)" in line
    assert line.endswith("cannot tell")
    assert "100.0% (1 task, 89.3 to 100.0%)" in text
    assert text.endswith("! few clips")
