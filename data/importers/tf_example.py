"""`tf.train.Example` messages, read with protobuf alone.

The messages are TensorFlow's `example.proto` and `feature.proto`, of which only the field numbers
and types matter; they are declared here, so that TensorFlow is not needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory
from numpy.typing import NDArray

from data.errors import CorruptData

Values = Sequence[bytes] | NDArray[np.generic]
"""The values of one feature: bytes, float32 or int64."""

_PACKAGE = "goalpost.tensorflow"


def parse_example(record: bytes) -> dict[str, Values]:
    """The features of a serialised `tf.train.Example`, each a flat sequence.

    Raises:
        CorruptData: The record is no such message.
    """
    example: Any = _EXAMPLE()
    try:
        example.ParseFromString(record)
    except message.DecodeError as error:
        raise CorruptData(
            f"A record of {len(record)} bytes is no tf.train.Example ({error}).",
            next_step="Check that the file holds an RLDS or TFDS data set.",
        ) from error
    return {name: _values(feature) for name, feature in example.features.feature.items()}


def _values(feature: Any) -> Values:
    kind = feature.WhichOneof("kind")
    if kind == "float_list":
        return np.asarray(feature.float_list.value, dtype=np.float32)
    if kind == "int64_list":
        return np.asarray(feature.int64_list.value, dtype=np.int64)
    return list(feature.bytes_list.value) if kind == "bytes_list" else []


def _declare() -> type[message.Message]:
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="goalpost/tensorflow_example.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, kind in (
        ("BytesList", field.TYPE_BYTES),
        ("FloatList", field.TYPE_FLOAT),
        ("Int64List", field.TYPE_INT64),
    ):
        file.message_type.add(name=name).field.add(
            name="value", number=1, label=field.LABEL_REPEATED, type=kind
        )
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, name in enumerate(("bytes", "float", "int64"), 1):
        feature.field.add(
            name=f"{name}_list",
            number=number,
            label=field.LABEL_OPTIONAL,
            type=field.TYPE_MESSAGE,
            type_name=f".{_PACKAGE}.{name.capitalize()}List",
            oneof_index=0,
        )
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=field.LABEL_OPTIONAL, type=field.TYPE_STRING)
    entry.field.add(
        name="value", number=2, label=field.LABEL_OPTIONAL, type=field.TYPE_MESSAGE,
        type_name=f".{_PACKAGE}.Feature",
    )  # fmt: skip
    features.field.add(
        name="feature", number=1, label=field.LABEL_REPEATED, type=field.TYPE_MESSAGE,
        type_name=f".{_PACKAGE}.Features.FeatureEntry",
    )  # fmt: skip
    file.message_type.add(name="Example").field.add(
        name="features", number=1, label=field.LABEL_OPTIONAL, type=field.TYPE_MESSAGE,
        type_name=f".{_PACKAGE}.Features",
    )  # fmt: skip
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    descriptor = pool.FindMessageTypeByName(f"{_PACKAGE}.Example")
    made: type[message.Message] = message_factory.GetMessageClass(descriptor)
    return made


_EXAMPLE = _declare()
