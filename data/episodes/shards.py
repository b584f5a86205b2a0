"""Shards: immutable Parquet files of many episodes, one row a step.

The column names follow LeRobot: `observation.images.<camera>` (struct of JPEG `bytes` and `path`),
`observation.state`, `action`, `next.done`. Beside them stand `timestamp_ns.<camera>`, the real
time of capture, and `observation.gripper_pose`, where the robot says its gripper is. The footer
describes every episode, so that an index needs no frame; a row group never spans two episodes and
holds about a megabyte of images, so that one frame is cheap to read.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from data.episodes.episodes import Episode, EpisodeInfo, Step
from data.episodes.frames import EncodedFrameSet
from data.episodes.shard_rows import SHARD_SCHEMA, frames_of, rows_of, step_of
from data.errors import CorruptData, GoalpostError, InvalidInput
from data.storage import full_disk_is_an_error, make_folder, publish
from data.workspace import Workspace

ROW_GROUP_BYTES = 1 << 20
"""A row group is closed once its images reach this size."""

_MOST_MOVES = 3
"""How often a reader looks again for a shard that was merged away before its eyes."""
_KEPT_FOOTERS = 64
"""Parsed footers held in memory. One of a thousand episodes takes some megabytes, one that a
compaction made a hundred kilobytes."""
_FOOTER_KEY = b"goalpost.episodes"
_NAME = re.compile(r".+-(?P<count>\d{5,})-[0-9a-f]{8}\.parquet")
"""See `shard_path`."""

_T = TypeVar("_T")


class FrameRef(NamedTuple):
    """Where one frame set lies."""

    shard: str
    """Path of the shard, relative to the workspace's root."""
    episode_id: str
    frame_index: int


class _Footer(NamedTuple):
    """What a shard says of itself."""

    metadata: pq.FileMetaData
    entries: tuple[_Entry, ...]


class _Entry(NamedTuple):
    """One episode as the footer describes it."""

    info: EpisodeInfo
    group_lengths: tuple[int, ...]
    """Rows in each of its row groups."""
    first_group: int


class EpisodeStream(NamedTuple):
    """An episode whose steps are made when they are asked for."""

    info: EpisodeInfo
    steps: Callable[[], Iterable[Step]]
    """Gives every step from the first on; asked twice, for their sizes and for storing them."""


def write_shard(workspace: Workspace, episodes: Sequence[Episode]) -> Path:
    """Store episodes of one robot in a new shard of the day on which the first was recorded.

    Raises:
        InvalidInput: No episodes, or of several robots, or one of them twice.
        StorageFull: The disk is full; nothing half-written is left.
    """
    return write_streams(workspace, [EpisodeStream(each.info, partial(iter, each.steps))
                                     for each in episodes])  # fmt: skip


def write_streams(workspace: Workspace, episodes: Sequence[EpisodeStream]) -> Path:
    """`write_shard` for episodes that may not fit into memory; holds one row group at a time."""
    path = shard_path(workspace, [episode.info for episode in episodes])
    entries = [(episode.info, _group_lengths(episode.steps())) for episode in episodes]
    with new_shard(path, entries) as writer:
        for episode, (_, lengths) in zip(episodes, entries, strict=True):
            rows = rows_of(episode.info.episode_id, episode.steps())
            for length in lengths:
                writer.write_table(pa.Table.from_pylist(list(islice(rows, length)), SHARD_SCHEMA))
    return path


def shard_path(workspace: Workspace, infos: Sequence[EpisodeInfo]) -> Path:
    """The path of the shard of just these episodes, of no other set. Raises `InvalidInput`."""
    if not infos:
        raise InvalidInput("A shard needs at least one episode.")
    robots = sorted({info.robot for info in infos})
    if len(robots) > 1:
        raise InvalidInput(
            f"A shard holds one robot's episodes, not those of {', '.join(robots)}.",
            next_step="Write one shard per robot.",
        )
    if len({info.episode_id for info in infos}) < len(infos):
        raise InvalidInput("An episode can be stored in a shard only once.", where=robots[0])
    first = min(infos, key=lambda info: info.recorded_at_ns)
    identity = "/".join(sorted(info.episode_id for info in infos))
    digest = blake2b(identity.encode(), digest_size=4).hexdigest()
    name = f"{first.episode_id}-{len(infos):05d}-{digest}.parquet"
    return workspace.episodes / robots[0] / first.day / name


def episode_count(path: Path) -> int:
    """How many episodes a shard holds, as its name says; `CorruptData` where only reading tells."""
    named = _NAME.fullmatch(path.name)
    return int(named["count"]) if named else len(_entries(path))


def merge_shards(
    workspace: Workspace, paths: Sequence[Path], *, without: Collection[str] = ()
) -> Path:
    """Copy the episodes of shards of one robot into one new shard, each once; not `without`.

    The old shards stay; images are copied as they are. Raises like `read_shard` and `write_shard`.
    """
    sources: dict[str, tuple[Path, _Entry]] = {}
    for path in paths:
        for entry in _entries(path):
            sources.setdefault(entry.info.episode_id, (path, entry))
    chosen = [sources[episode_id] for episode_id in sorted(sources.keys() - set(without))]
    merged = shard_path(workspace, [entry.info for _, entry in chosen])
    with new_shard(merged, [(entry.info, entry.group_lengths) for _, entry in chosen]) as writer:
        for path, entry in chosen:
            for table in _row_groups(path, entry):
                writer.write_table(_conformed(table))
    return merged


def read_infos(path: Path) -> list[EpisodeInfo]:
    """Describe the shard's episodes from its footer alone. Raises `CorruptData`."""
    return [entry.info for entry in _entries(path)]


def read_shard(path: Path, episode_ids: Collection[str] | None = None) -> list[Episode]:
    """Read the shard's episodes, or those of `episode_ids`, in the order of the shard.

    Episodes named in `episode_ids` are found too if compaction has moved them since.

    Raises:
        CorruptData: The file is damaged or gone; names it and says what to do.
        InvalidInput: It has no episode of that name.
    """
    return list(stream_shard(path, episode_ids))


def stream_shard(path: Path, episode_ids: Collection[str] | None = None) -> Iterator[Episode]:
    """As `read_shard`, with one episode in memory at a time."""
    given: set[str] = set()
    for attempt in range(_MOST_MOVES + 1):
        wanted = None if episode_ids is None else set(episode_ids) - given
        try:
            for holder, entries in _holders(path, wanted).items():
                with _readable(holder) as file:
                    for entry in entries:
                        last = entry.first_group + len(entry.group_lengths)
                        groups = list(range(entry.first_group, last))
                        rows = file.read_row_groups(groups).to_pylist()
                        yield Episode(info=entry.info, steps=tuple(step_of(row) for row in rows))
                        given.add(entry.info.episode_id)
        except _Missing:
            if wanted is None or attempt == _MOST_MOVES:
                raise
        else:
            return


def read_frames(workspace: Workspace, refs: Sequence[FrameRef]) -> list[EncodedFrameSet]:
    """Read single frame sets, in the order of `refs`; each shard is opened once.

    Raises:
        CorruptData: A shard is damaged or gone.
        InvalidInput: A reference points beyond its episode.
    """
    wanted: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for position, ref in enumerate(refs):
        wanted[ref.shard][ref.episode_id].append(position)
    frames: dict[int, EncodedFrameSet] = {}

    def read(shard: str, episodes: Mapping[str, Sequence[int]]) -> None:
        for holder, entries in _holders(workspace.root / shard, episodes).items():
            with _readable(holder) as file:
                for entry in entries:
                    positions = episodes[entry.info.episode_id]
                    indices = {refs[position].frame_index for position in positions}
                    by_index = _read_entry_frames(file, entry, indices)
                    for position in positions:
                        frames[position] = by_index[refs[position].frame_index]

    for shard, episodes in wanted.items():
        _while_moving(partial(read, shard, episodes))
    return [frames[position] for position in range(len(refs))]


class _Missing(CorruptData):
    """A shard that is not where it was."""


def _while_moving(read: Callable[[], _T]) -> _T:
    """`read`, begun again where compaction took a shard away between finding and opening it."""
    for _ in range(_MOST_MOVES):
        try:
            return read()
        except _Missing:
            continue
    return read()


def _row_groups(path: Path, entry: _Entry) -> Iterator[pa.Table]:
    with _readable(path) as file:
        for number in range(len(entry.group_lengths)):
            yield file.read_row_group(entry.first_group + number)


def _conformed(table: pa.Table) -> pa.Table:
    """`table` with the columns of today, empty where a shard was written before they came."""
    for field in SHARD_SCHEMA:
        if field.name not in table.column_names:
            table = table.append_column(field, pa.nulls(len(table), field.type))
    return table.select(SHARD_SCHEMA.names).cast(SHARD_SCHEMA)


def _read_entry_frames(
    file: pq.ParquetFile, entry: _Entry, indices: Collection[int]
) -> dict[int, EncodedFrameSet]:
    beyond = [index for index in indices if not 0 <= index < entry.info.step_count]
    if beyond:
        raise InvalidInput(
            f"Frame {beyond[0]} does not exist.",
            where=f"episode {entry.info.episode_id}",
            valid=[f"0 to {entry.info.step_count - 1}"],
        )
    columns = [
        name for name in SHARD_SCHEMA.names if name.startswith(("timestamp_ns", "observation"))
    ]
    found: dict[int, EncodedFrameSet] = {}
    first = 0
    for number, length in enumerate(entry.group_lengths):
        here = [index for index in indices if first <= index < first + length]
        if here:
            table = file.read_row_group(entry.first_group + number, columns=columns)
            for index in here:
                found[index] = frames_of(table.slice(index - first, 1).to_pylist()[0])
        first += length
    return found


def _holders(path: Path, episode_ids: Collection[str] | None) -> dict[Path, Sequence[_Entry]]:
    """Where the episodes lie now: `path`, or the shards beside it once it has been merged."""
    if episode_ids is None:
        return {path: _entries(path)}
    missing = set(episode_ids)
    found: dict[Path, Sequence[_Entry]] = {}
    moved = not path.exists()
    for candidate in sorted(path.parent.glob("*.parquet")) if moved else [path]:
        try:
            entries = _entries(candidate)
        except CorruptData:
            if not moved:
                raise
            continue
        here = [entry for entry in entries if entry.info.episode_id in missing]
        if here:
            found[candidate] = here
            missing -= {entry.info.episode_id for entry in here}
    if missing and moved:
        raise _corrupt(path, "The shard is missing", _Missing)
    if missing:
        raise InvalidInput(
            f"The shard has no episode '{sorted(missing)[0]}'.",
            where=path,
            next_step="Run `goalpost data rebuild` if the index and the shards disagree.",
        )
    return found


@contextmanager
def new_shard(
    path: Path, entries: Sequence[tuple[EpisodeInfo, Sequence[int]]]
) -> Iterator[pq.ParquetWriter]:
    """A writer whose file appears at `path` when the block ends well, and not at all otherwise."""
    described = [{**info.as_json(), "row_groups": list(lengths)} for info, lengths in entries]
    footer = {_FOOTER_KEY: json.dumps({"format": 1, "episodes": described}).encode()}
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with full_disk_is_an_error(path):
        make_folder(path.parent)
        try:
            with temporary.open("wb") as file:
                with pq.ParquetWriter(
                    file,
                    SHARD_SCHEMA.with_metadata(footer),
                    compression="none",  # JPEG does not shrink any further
                    use_dictionary=["episode_id"],
                    write_statistics=["episode_id", "frame_index"],
                    write_page_checksum=True,
                ) as writer:
                    yield writer
                file.flush()
                os.fsync(file.fileno())
            publish(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def _readable(path: Path) -> Iterator[pq.ParquetFile]:
    """The open shard; whatever cannot be read in it becomes a `CorruptData`."""
    with _plain_errors(path):
        metadata = _footer(path).metadata
        with pq.ParquetFile(path, metadata=metadata, page_checksum_verification=True) as file:
            yield file


@contextmanager
def _plain_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise _corrupt(path, "The shard is missing", _Missing) from error
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise _corrupt(path, f"The shard cannot be read ({error})") from error


def _corrupt(path: Path, what: str, kind: type[CorruptData] = CorruptData) -> CorruptData:
    return kind(
        f"{what}; its episodes cannot be used.",
        where=path,
        next_step=(
            "Restore the file from a backup, or move it out of the workspace and run "
            "`goalpost data rebuild`. All other episodes stay usable; "
            "`goalpost data check` lists every damaged file."
        ),
    )


def _entries(path: Path) -> tuple[_Entry, ...]:
    with _plain_errors(path):
        return _footer(path).entries


def _footer(path: Path) -> _Footer:
    """The footer of a shard; parsing that of a large one takes as long as reading thirty frames."""
    found = path.stat()
    return _read_footer(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=_KEPT_FOOTERS)
def _read_footer(path: Path, changed_ns: int, size_bytes: int) -> _Footer:
    with pq.ParquetFile(path) as file:
        described = json.loads(file.schema_arrow.metadata[_FOOTER_KEY])["episodes"]
        entries: list[_Entry] = []
        first_group = 0
        for values in described:
            lengths = tuple(values.pop("row_groups"))
            entries.append(_Entry(_info(path, values), lengths, first_group))
            first_group += len(lengths)
        return _Footer(file.metadata, tuple(entries))


def _info(path: Path, values: dict[str, Any]) -> EpisodeInfo:
    try:
        return EpisodeInfo(**values)
    except GoalpostError as error:
        raise _corrupt(path, f"The shard describes an impossible episode ({error.what})") from error


def _group_lengths(steps: Iterable[Step]) -> list[int]:
    lengths: list[int] = []
    size = ROW_GROUP_BYTES
    for step in steps:
        if size >= ROW_GROUP_BYTES:
            lengths.append(0)
            size = 0
        lengths[-1] += 1
        size += sum(len(jpeg) for jpeg in step.frames.jpegs.values())
    return lengths
