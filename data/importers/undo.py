"""Undoing an import: what one source brought goes again, in whole, also after half an import."""

from __future__ import annotations

import time

from data.catalog.catalog import Catalog
from data.cells.robots import forget_imported
from data.episodes.removal import remove_episodes
from data.errors import unknown_name
from data.importers.mapping import forget
from data.importers.receipts import list_receipts
from data.labels.labels import retract_imported
from data.transfers.tally import Progress, Tally, silent


def undo_import(
    catalog: Catalog,
    digest: str,
    *,
    by: str,
    progress: Progress = silent,
    now_ns: int | None = None,
) -> Tally:
    """Take back what a source brought; one that was stopped goes on when it is repeated.

    Imported labels are retracted, as any undo is. Labels that people gave to imported episodes stay
    in the log and count again when the same episodes come back. Afterwards the source can be
    imported in another way, for example with other cameras. Tasks that it defined stay.

    Args:
        digest: The receipt's.
        by: Who undoes it.

    Returns:
        What was taken back.

    Raises:
        UnknownName: Nothing is known of such an import.
        CorruptData: A shard that holds other episodes too cannot be read.
        StorageFull: The disk is full.
    """
    receipts = {each.digest: each for each in list_receipts(catalog.workspace)}
    if digest not in receipts:
        raise unknown_name(
            "import",
            digest,
            receipts,
            where=catalog.workspace.root,
            next_step="`goalpost data import list` shows what can be undone.",
        )
    receipt = receipts[digest]
    total = sum(1 for _ in receipt.batches())
    at_ns = time.time_ns() if now_ns is None else now_ns
    tally = Tally()
    for number, batch in enumerate(receipt.batches()):
        progress(number / total, f"Taking back part {number + 1} of {total}")
        tally.labels += retract_imported(catalog, batch.labels, by=by, at_ns=at_ns)
        tally.episodes += remove_episodes(catalog, batch.episodes)
    forget_imported(catalog)
    forget(catalog.workspace, digest)
    receipt.path.unlink()
    return tally
