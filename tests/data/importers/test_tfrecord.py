"""TFRecord files that another library wrote, whole and damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tfrecord.writer import TFRecordWriter

from data.errors import CorruptData
from data.importers.tf_example import parse_example
from data.importers.tfrecord import masked_checksum, read_records


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "some-train.tfrecord-00000-of-00001"
    writer = TFRecordWriter(str(path))
    for number in range(3):
        writer.write(
            {
                "name": (f"record {number}".encode(), "byte"),
                "values": ([0.5, float(number)], "float"),
                "success": (number % 2, "int"),
            }
        )
    writer.close()
    return path


def test_records_of_another_library_are_read(path: Path) -> None:
    examples = [parse_example(record) for record in read_records(path)]
    assert [example["name"] for example in examples] == [
        [b"record 0"], [b"record 1"], [b"record 2"],
    ]  # fmt: skip
    assert np.array_equal(examples[2]["values"], np.array([0.5, 2.0], dtype=np.float32))
    assert [int(example["success"][0]) for example in examples] == [0, 1, 0]


def test_the_checksum_is_that_of_the_format() -> None:
    # CRC-32C of "123456789" is e3069283 (its check value); turned by 15 bits: 2507c60d;
    # plus a282ead8: c78ab0e5.
    assert masked_checksum(b"123456789") == 0xC78AB0E5


@pytest.mark.parametrize("keep", [1, -1, 20])
def test_a_file_that_is_cut_off_gives_what_is_whole_and_says_so(path: Path, keep: int) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 3 + keep] if keep > 0 else content[:-1])
    records = read_records(path)
    for _ in range(2 if keep < 0 else 1):
        assert parse_example(next(records))
    with pytest.raises(CorruptData, match=r"cut off within a .* after \d whole records"):
        next(records)


def test_a_changed_byte_is_noticed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[30] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptData, match="damaged record, after 0 whole records"):
        list(read_records(path))
    content[2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptData, match="damaged length"):
        list(read_records(path))


def test_what_is_no_example_is_told() -> None:
    with pytest.raises(CorruptData, match=r"no tf\.train\.Example"):
        parse_example(b"\xff\xff\xff")
