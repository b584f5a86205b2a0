"""Runs that import, export, or undo an import, in a process of their own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from data.errors import InvalidInput, unknown_name
from data.runs.runs import Run
from data.transfers.tally import Progress, Tally

KINDS = ("import", "export", "undo-import")
VERBS = {"import": "Imported", "export": "Exported", "undo-import": "Took back"}
"""What a run of each kind did, before what it moved."""
_Spec = TypeVar("_Spec")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Undo:
    """Which import to undo; the spec of an `undo-import` run."""

    digest: str
    """The receipt's."""
    by: str
    """Who undoes it."""


def read_spec(kind: type[_Spec], spec: Mapping[str, Any]) -> _Spec:
    """The spec of a run as a value of `kind`. Raises `InvalidInput` where it makes no sense."""
    known = [each.name for each in dataclasses.fields(kind)]  # type: ignore[arg-type]
    unknown = sorted(set(spec) - set(known))
    if unknown:
        raise InvalidInput(f"There is no setting '{unknown[0]}'.", valid=known)
    try:
        return msgspec.convert(dict(spec), kind)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"A setting cannot be what it is: {error}.", valid=known) from error


def execute_transfer(run: Run) -> Tally | None:
    """Carry out `run`, or go on with an import or an undo that was stopped.

    Returns:
        What it moved, or None where the run was cancelled.

    Raises:
        GoalpostError: Whatever stopped it; the run's status says so too.
    """
    from data.runs.reporter import RunReporter

    if run.kind not in KINDS:
        raise unknown_name("kind of run", run.kind, KINDS, where=run.folder)
    with RunReporter(run) as report:
        tally = _carry_out(run, report.progress)
        report.progress(1.0, tally.lines(VERBS[run.kind])[0])
        report.result(**tally.as_json())
        return tally
    return None


def _carry_out(run: Run, progress: Progress) -> Tally:
    from app.doors.exports import Export, carry_out_export
    from app.doors.imports import Import, carry_out_import
    from data.catalog.catalog import Catalog
    from data.importers.undo import undo_import

    catalog = Catalog(run.workspace)
    if run.kind == "import":
        return carry_out_import(catalog, read_spec(Import, run.spec), progress)
    if run.kind == "export":
        return carry_out_export(catalog, read_spec(Export, run.spec), progress)
    undo = read_spec(Undo, run.spec)
    return undo_import(catalog, undo.digest, by=undo.by, progress=progress)


@click.command()
@click.argument("run_folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def execute(run_folder: Path) -> None:
    """Carry out the run in RUN_FOLDER, or go on with it: import, export or undo-import."""
    from data.runs.runs import open_run

    run = open_run(run_folder)
    tally = execute_transfer(run)
    lines = ["The run was cancelled."] if tally is None else tally.lines(VERBS[run.kind])
    for line in lines:
        click.echo(line)
