"""Labels in, from any of the forms that are read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from data.catalog.catalog import Catalog
from data.errors import GoalpostError, InvalidInput
from data.importers.fiftyone import read_fiftyone
from data.importers.label_studio import read_label_studio
from data.importers.label_table import Part, Row, label_of, read_label_table
from data.importers.mapping import digest_of
from data.importers.receipts import Batch, Receipt, receipt_for
from data.labels.labels import (
    Label,
    append_labels,
    episode_lengths,
    known_labels,
    unlike_undone,
)
from data.tasks.store import load_tasks
from data.transfers.tally import Progress, Tally, silent

READERS: dict[str, Callable[[Path], Iterator[Part]]] = {
    "table": read_label_table,
    "label-studio": read_label_studio,
    "fiftyone": read_fiftyone,
}


def import_labels(
    catalog: Catalog,
    path: Path,
    form: str,
    *,
    by: str,
    progress: Progress = silent,
    now_ns: int | None = None,
) -> Tally:
    """Append the labels that are not known yet; those that cannot be are left out and counted.

    Args:
        form: One of `READERS`.
        by: Who said what the file names nobody for.

    Raises:
        InvalidInput: There is no such form, or a column is missing.
        CorruptData: The file is damaged; what was appended before stays.
        StorageFull: The disk is full.
    """
    if form not in READERS:
        raise InvalidInput(f"Labels cannot be read from '{form}'.", valid=READERS)
    at_ns = time.time_ns() if now_ns is None else now_ns
    tally = Tally()
    place = path.resolve()
    receipt = receipt_for(
        catalog.workspace, digest_of([form.encode(), str(place).encode()]), f"labels {place}"
    )
    share_done = 0.0
    for part in READERS[form](path):
        progress(share_done, f"Importing labels: {tally.labels} new so far")
        labels = list(_readable(part.rows, tally, by=by, at_ns=at_ns))
        _take_in(catalog, labels, tally, receipt)
        share_done = part.share_read
    return tally


def _readable(rows: Sequence[Row], tally: Tally, *, by: str, at_ns: int) -> Iterator[Label]:
    for row in rows:
        try:
            yield label_of(row, by=by, at_ns=at_ns)
        except GoalpostError as error:
            tally.leave_out(error.what)


def _take_in(catalog: Catalog, labels: list[Label], tally: Tally, receipt: Receipt) -> None:
    labels = unlike_undone(catalog, labels)
    tasks = load_tasks(catalog.workspace)
    lengths = episode_lengths(catalog, {label.episode_id for label in labels})
    known = known_labels(catalog, [label.label_id for label in labels])
    fit: list[Label] = []
    for label in labels:
        length = lengths.get(label.episode_id)
        if label.label_id in known:
            tally.known += 1
        elif tasks.current_name(label.task) not in tasks:
            tally.leave_out(f"there is no task '{label.task}'")
        elif length is None:
            tally.leave_out("its episode is not in the workspace")
        elif label.frame_index is None and length.kind != "clip":
            tally.leave_out("a robot's episode, without a frame")
        elif label.frame_index is not None and not 0 <= label.frame_index < length.step_count:
            tally.leave_out("its episode has no such frame")
        else:
            fit.append(label)
    receipt.add(Batch(labels=[label.label_id for label in fit]))
    append_labels(catalog, fit)
    tally.labels += len(fit)
