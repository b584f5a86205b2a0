import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest

from data.catalog.catalog import Catalog
from data.episodes import index as episode_index
from data.episodes.frames import CAMERAS, EncodedFrameSet, encode_jpeg
from data.episodes.index import list_episodes, load_episode
from data.episodes.packing import pack
from data.errors import InvalidInput, StorageFull
from data.labels.labels import standing_labels
from data.recording import sealing as recording
from data.recording.journal import Journal, JournalHeader, list_journals
from data.recording.sealing import describe_journal, drop_journal, measure_timing, seal_journal

STARTED_NS = 1_795_219_741_000_000_000
CLIP = "20261121-000901-000000000-abcdef"
JPEG = encode_jpeg(np.zeros((8, 8, 3), np.uint8))


def recorded(catalog: Catalog, frame_count: int = 4) -> Path:
    journal = Journal(
        catalog.workspace,
        JournalHeader(
            recording_id=CLIP,
            robot="robot-1",
            behaviour="person",
            task="lift-carrot",
            outcome="failure",
            pair_id="pair-1",
            by="ann",
            started_at_ns=STARTED_NS,
        ),
    )
    for number in range(frame_count):
        at_ns = STARTED_NS + 200_000_000 * number
        journal.append(
            EncodedFrameSet(
                jpegs=dict.fromkeys(CAMERAS, JPEG), timestamps_ns=dict.fromkeys(CAMERAS, at_ns)
            )
        )
    journal.close()
    return journal.folder


def test_timing_by_hand() -> None:
    """Intervals 200, 210 (left) and 200, 200 (right) ms; right trails by 10 ms, then 0."""
    ms = 1_000_000
    timing = measure_timing(
        [
            {"left": 0, "right": 10 * ms},
            {"left": 200 * ms, "right": 210 * ms},
            {"left": 410 * ms, "right": 410 * ms},
        ]
    )
    assert timing.median_interval_ms == 200
    assert timing.p99_interval_ms == pytest.approx(200 + 10 * 0.97)
    assert timing.p99_deviation_ms == pytest.approx(10 * 0.97)
    assert timing.skew_ms == {"left": 0, "right": 10}


def test_one_frame_has_no_timing() -> None:
    with pytest.raises(InvalidInput, match="1 frame, too few"):
        measure_timing([{"left": 0}])


def test_sealing_makes_an_indexed_labelled_clip(catalog: Catalog) -> None:
    folder = recorded(catalog)
    assert describe_journal(folder).frame_count == 4
    summary = seal_journal(catalog, folder, dropped_frames=1, truth={"lift-carrot": False})
    assert (summary.episode_id, summary.frame_count, summary.dropped_frames) == (CLIP, 4, 1)
    assert summary.median_interval_ms == 200
    assert list_journals(catalog.workspace) == []
    episode = load_episode(catalog, CLIP)
    assert (episode.info.kind, episode.info.task, episode.info.outcome, episode.info.pair_id) == (
        "clip", "lift-carrot", "failure", "pair-1",
    )  # fmt: skip
    assert episode.info.truth == {"lift-carrot": False}
    assert [step.done for step in episode.steps] == [False, False, False, True]
    assert episode.steps[1].frames.timestamps_ns["left"] == STARTED_NS + 200_000_000
    (label,) = standing_labels(catalog)
    assert (label.source, label.frame_index, label.outcome, label.by) == (
        "clip", None, "failure", "ann",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("module", "step"),
    [
        (episode_index, "add_shard"),  # the shard is written, the index does not know it
        (recording, "append_labels"),  # indexed, not labelled
        (recording, "remove_journal"),  # labelled, the journal still there
    ],
)
def test_sealing_again_after_a_crash_makes_one_clip(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, module: object, step: str
) -> None:
    folder = recorded(catalog)

    def crash(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, step, crash)
        with pytest.raises(KeyboardInterrupt):
            seal_journal(catalog, folder)
    assert len(list_journals(catalog.workspace)) == 1
    seal_journal(catalog, folder)
    assert [each.info.episode_id for each in list_episodes(catalog)] == [CLIP]
    assert len(list(catalog.workspace.episodes.rglob("*.parquet"))) == 1
    assert len(standing_labels(catalog)) == 1
    assert catalog.workspace.labels_path.read_text().count(CLIP) == 2  # one line: label id, episode
    assert list_journals(catalog.workspace) == []


def test_a_full_disk_while_sealing_keeps_the_journal(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = recorded(catalog)

    def full(*arguments: object) -> None:
        raise StorageFull("The disk is full.")

    monkeypatch.setattr(recording, "save_streams", full)
    with pytest.raises(StorageFull):
        seal_journal(catalog, folder)
    assert describe_journal(folder).frame_count == 4
    assert list_episodes(catalog) == []


def test_a_clip_of_one_frame_is_refused_and_kept(catalog: Catalog) -> None:
    folder = recorded(catalog, frame_count=1)
    with pytest.raises(InvalidInput, match="1 frame, too few"):
        seal_journal(catalog, folder)
    assert folder.exists()


@pytest.fixture
def crashed(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recording whose sealing was killed after its label, before its journal was removed."""
    folder = recorded(catalog)

    def crash(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(recording, "remove_journal", crash)
        with pytest.raises(KeyboardInterrupt):
            seal_journal(catalog, folder)
    assert len(standing_labels(catalog)) == 1
    return folder


def test_dropping_what_was_labelled_before_the_crash_takes_the_label_back(
    catalog: Catalog, crashed: Path
) -> None:
    drop_journal(catalog, crashed, at_ns=STARTED_NS + 1)
    assert standing_labels(catalog) == []
    assert list_journals(catalog.workspace) == []


def test_dropping_what_was_never_labelled(catalog: Catalog) -> None:
    drop_journal(catalog, recorded(catalog), at_ns=STARTED_NS + 1)
    assert standing_labels(catalog) == []
    assert list_journals(catalog.workspace) == []


def test_keeping_after_a_drop_that_was_killed_labels_the_clip_again(
    catalog: Catalog, crashed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(recording, "remove_journal", crash)
        with pytest.raises(KeyboardInterrupt):
            drop_journal(catalog, crashed, at_ns=STARTED_NS + 1)
    assert standing_labels(catalog) == []
    seal_journal(catalog, crashed)
    assert [label.outcome for label in standing_labels(catalog)] == ["failure"]


def test_sealing_takes_constant_memory(catalog: Catalog) -> None:
    folder = recorded(catalog, frame_count=1)
    padded = JPEG + bytes(300_000)
    journal = folder / "frames.journal"
    with journal.open("wb") as file:
        for number in range(60):
            at_ns = STARTED_NS + 200_000_000 * number
            packed = pack(
                EncodedFrameSet(
                    jpegs=dict.fromkeys(CAMERAS, padded),
                    timestamps_ns=dict.fromkeys(CAMERAS, at_ns),
                )
            )
            file.write(struct.pack("<II", len(packed), zlib.crc32(packed)) + packed)
    tracemalloc.start()
    summary = seal_journal(catalog, folder)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert summary.frame_count == 60
    assert stored_bytes(catalog) > 54e6
    assert peak_bytes < 12e6


def stored_bytes(catalog: Catalog) -> int:
    return sum(path.stat().st_size for path in catalog.workspace.episodes.rglob("*.parquet"))
