"""A `train-detector` run: from its spec to a detector, in the process that carries it out."""

from __future__ import annotations

from pathlib import Path

from data.catalog.catalog import Catalog
from data.errors import InvalidInput
from data.runs.reporter import RunReporter
from data.runs.runs import Run
from data.tasks.store import load_tasks
from sd_model.artefact import MANIFEST, DetectorSummary, detector_folder, load_summary
from sd_model.config import load_recipe
from sd_model.device import chosen_device
from sd_model.examples.gathering import build_manifest
from sd_model.examples.manifest import Manifest
from sd_model.learning.inheritance import inherited_config
from sd_model.learning.training import train

_KEYS = ("recipe", "overrides", "holdout", "tasks", "seed", "from_detector")


def execute_run(run: Run) -> Path | None:
    """Carry out `run`, or go on with it where it was killed.

    The detector is named after the run, and a manifest that is frozen already is kept.

    Returns:
        The detector's folder, or None where the run was cancelled.

    Raises:
        GoalpostError: Whatever stopped it; the run's status says so too.
    """
    workspace = run.workspace
    with RunReporter(run) as report:
        spec = run.spec
        unknown = sorted(set(spec) - set(_KEYS))
        if unknown:
            raise InvalidInput(
                f"A train-detector run has no setting '{unknown[0]}'.",
                where=run.folder / "spec.json",
                valid=_KEYS,
            )
        device = chosen_device()
        earlier = _earlier(run)
        if earlier is None:
            config = load_recipe(spec.get("recipe", "cpu"), spec.get("overrides"))
        else:
            config = inherited_config(earlier)
        seed = int(spec.get("seed", earlier.seed if earlier else 0))
        folder = workspace.detectors / run.run_id
        if (folder / MANIFEST).exists():
            manifest = Manifest.load(folder / MANIFEST)
        else:
            report.progress(0.0, "Gathering labels")
            manifest = build_manifest(
                Catalog(workspace),
                tasks=load_tasks(workspace),
                wanted=spec.get("tasks"),
                holdout=spec.get("holdout", earlier.holdout if earlier else ()),
                config=config,
                seed=seed,
                created_at_ns=run.created_at_ns,
                path=folder / MANIFEST,
                learned=_learned(earlier),
            )
        detector = train(
            manifest, config, folder, workspace=workspace, report=report, seed=seed,
            device=device, earlier=earlier,
        )  # fmt: skip
        report.result(detector=detector.detector_id)
        return folder
    return None


def _learned(earlier: DetectorSummary | None) -> set[str]:
    """The groups of frames that trained `earlier`, and what that itself went on from."""
    if earlier is None:
        return set()
    rows = Manifest.load(earlier.folder / MANIFEST).examples
    return {row.group for row in rows if row.split == "train"}


def _earlier(run: Run) -> DetectorSummary | None:
    """The detector that `run` goes on from, where its spec names one."""
    if not run.spec.get("from_detector"):
        return None
    for setting in ("recipe", "overrides"):
        if run.spec.get(setting):
            raise InvalidInput(
                f"A training that goes on from a detector keeps its configuration; '{setting}' "
                "would change it.",
                where=run.folder / "spec.json",
                next_step=f"Leave out '{setting}', or 'from_detector' to train from nothing.",
            )
    return load_summary(detector_folder(run.workspace, run.spec["from_detector"]))
