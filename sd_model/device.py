"""Where networks compute: one setting for training, judging, serving and policies."""

from __future__ import annotations

import os
import re

import torch

from data.errors import ConfigurationError

VARIABLE = "GOALPOST_DEVICE"
"""Names the device in the environment; runs inherit it from who starts them."""

_NAME = re.compile(r"cpu|cuda(:(?P<index>\d{1,3}))?")


def chosen_device(device: str | torch.device | None = None) -> torch.device:
    """The device to compute on: `device`, else `$GOALPOST_DEVICE`, else the CPU.

    Raises:
        ConfigurationError: It is no device, or this machine does not have it.
    """
    asked = str(device) if device is not None else os.environ.get(VARIABLE, "").strip() or "cpu"
    name = _NAME.fullmatch(asked)
    if name is None:
        raise _refused(f"There is no device '{asked}'.", device)
    if asked != "cpu" and int(name["index"] or 0) >= _cuda_devices():
        raise _refused(f"This machine has no '{asked}' that torch can use.", device)
    return torch.device(asked)


def _cuda_devices() -> int:
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _refused(what: str, device: str | torch.device | None) -> ConfigurationError:
    return ConfigurationError(
        what,
        where=f"${VARIABLE}" if device is None else None,
        valid=("cpu", *(f"cuda:{index}" for index in range(_cuda_devices()))),
        next_step=f"Set {VARIABLE} to one of these, or leave it out for the CPU; `nvidia-smi` "
        "says which graphics cards the system sees.",
    )
