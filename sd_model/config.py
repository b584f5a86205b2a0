"""What a detector is made of and how it is trained; recipes in TOML; unknown keys are errors."""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, NamedTuple

from data.errors import ConfigurationError, unknown_name

RECIPES = ("smoke", "cpu", "paper")
"""`smoke`: seconds, shows that everything runs; `cpu`: useful on two cores; `paper`: its sizes."""


class Stage(NamedTuple):
    """One stage of the trunk: a max pool, then convolutions of one kernel."""

    pool: int
    """Window and stride of the max pool before the convolutions; 1: none."""
    convolutions: int
    """How many conv-BN-ReLU follow."""
    kernel: int
    """Their kernel [px], odd; padding is "same"."""


@dataclass(frozen=True, kw_only=True)
class DetectorConfig:
    """Everything that decides what a detector is, beside its manifest and seed.

    Raises:
        ConfigurationError: A value that makes no sense; says which would.
    """

    image_px: int
    """Side of the square images that the network sees [px], 32 to 512."""
    crop_margin: float = 0.12
    """How much larger than `image_px` frames are kept, so that crops can wander; 0 to 0.5."""
    channels: int = 32
    """Feature maps of every convolution, 4 to 256."""
    stem_kernel: int = 6
    """Kernel of the first convolution [px]."""
    stem_stride: int = 4
    """Stride of the first convolution [px]; 4 trains twice as fast as 2."""
    stages: tuple[Stage, ...] = (Stage(1, 2, 3), Stage(2, 2, 3), Stage(2, 2, 3))
    """The trunk after its first convolution."""
    grid: int = 6
    """Cells a side of the grid to which each view's map is pooled before the views are joined."""
    projection: int = 64
    """Features that each view contributes, by a projection of its own."""
    hidden: int = 128
    """Units of the layer that joins the views."""

    brightness: float = 0.3
    """Largest change of brightness, as a share of the full range, 0 to 1."""
    contrast: float = 0.2
    """Largest change of contrast, as a share, 0 to 1."""
    brightness_probability: float = 0.8
    """Share of views whose brightness and contrast are changed."""
    rotation_deg: float = 8.0
    """Largest turn of a view, 0 to 45 [degrees]."""
    rotation_probability: float = 0.5
    """Share of views that are turned."""
    shadow_probability: float = 0.5
    """Share of views on which one to three shadows fall."""

    steps: int
    """Updates of the network."""
    batch_size: int = 32
    """Frames an update; each has three views."""
    learning_rate: float = 1e-3
    """Peak rate of AdamW; rises linearly, then falls along a cosine."""
    warmup_share: float = 0.1
    """Share of the updates during which the rate rises, 0 to 0.5."""
    weight_decay: float = 1e-4
    """AdamW's decoupled decay, on weights only."""
    label_smoothing: float = 0.02
    """How far targets are moved from 0 and 1 towards each other, 0 to 0.05."""
    ema_decay: float = 0.998
    """Decay of the averaged weights, which are the ones that judge."""
    auxiliary_weight: float = 0.0
    """Weight of the regression of gripper and height on robots' frames without labels; 0: off."""
    auxiliary_batch_size: int = 16
    """Unlabelled over-the-shoulder frames an update, where the regression is on."""
    auxiliary_frames: int = 4000
    """Most unlabelled frames to use."""

    frames_per_clip: int = 20
    """Most frames that a clip contributes, spread evenly; its frames resemble each other."""
    validation_share: float = 0.2
    """Share of the groups of training robots kept back to choose thresholds, 0.05 to 0.5."""
    false_positive_rate: float = 0.05
    """The false positive rate that a threshold must stay below, with `confidence`; 0.001 to 0.5."""
    confidence: float = 0.9
    """One-sided confidence of that bound (Clopper-Pearson), 0.5 to 0.999."""
    checkpoint_every: int = 200
    """Updates between two checkpoints, from which a killed run goes on."""
    report_every: int = 20
    """Updates between two lines of metrics."""

    def __post_init__(self) -> None:
        stages = tuple(Stage(*stage) for stage in self.stages)
        object.__setattr__(self, "stages", stages)
        for name, low, high in (
            ("image_px", 32, 512), ("crop_margin", 0, 0.5), ("channels", 4, 256),
            ("stem_kernel", 1, 15), ("stem_stride", 1, 8), ("grid", 1, 16),
            ("projection", 1, 4096), ("hidden", 1, 4096), ("brightness", 0, 1),
            ("contrast", 0, 1), ("brightness_probability", 0, 1), ("rotation_deg", 0, 45),
            ("rotation_probability", 0, 1), ("shadow_probability", 0, 1),
            ("steps", 1, 10_000_000), ("batch_size", 2, 4096), ("learning_rate", 1e-7, 1),
            ("warmup_share", 0, 0.5), ("weight_decay", 0, 1), ("label_smoothing", 0, 0.05),
            ("ema_decay", 0, 0.99999), ("auxiliary_weight", 0, 10),
            ("auxiliary_batch_size", 1, 4096), ("auxiliary_frames", 1, 10_000_000),
            ("frames_per_clip", 1, 10_000), ("validation_share", 0.05, 0.5),
            ("false_positive_rate", 0.001, 0.5), ("confidence", 0.5, 0.999),
            ("checkpoint_every", 1, 10_000_000), ("report_every", 1, 10_000_000),
        ):  # fmt: skip
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigurationError(
                    f"The detector's '{name}' cannot be {value}.", valid=[f"{low} to {high}"]
                )
        for stage in stages:
            if stage.pool < 1 or stage.convolutions < 0 or stage.kernel < 1 or not stage.kernel % 2:
                raise ConfigurationError(
                    f"The detector's 'stages' cannot hold {tuple(stage)}.",
                    valid=["[pool >= 1, convolutions >= 0, odd kernel]"],
                )
        if self.map_px < self.grid:
            raise ConfigurationError(
                f"The detector's 'grid' of {self.grid} is finer than the trunk's last map of "
                f"{self.map_px} px.",
                valid=[f"1 to {self.map_px}"],
                next_step="Use a smaller grid, a smaller stride, fewer pools or larger images.",
            )

    @property
    def kept_px(self) -> int:
        """Side of the frames kept in the cache, of which `image_px` are cropped."""
        return round(self.image_px * (1 + self.crop_margin))

    @property
    def map_px(self) -> int:
        """Side of the trunk's last map: the stem rounds down, pools round up [px]."""
        side = self.image_px // self.stem_stride
        for stage in self.stages:
            side = -(-side // stage.pool)
        return side


def load_recipe(name: str, overrides: Mapping[str, Any] | None = None) -> DetectorConfig:
    """The recipe `name` with some of its values replaced.

    Raises:
        UnknownName: There is no such recipe.
        ConfigurationError: `overrides` has an unknown key, or a value that makes no sense.
    """
    if name not in RECIPES:
        raise unknown_name("detector recipe", name, RECIPES)
    text = resources.files("sd_model").joinpath(f"recipes/{name}.toml").read_text("utf-8")
    return config_from({**tomllib.loads(text), **(overrides or {})}, where=f"recipe '{name}'")


def config_from(values: Mapping[str, Any], *, where: str) -> DetectorConfig:
    """A `DetectorConfig` from plain values, such as those of a TOML or JSON file.

    Raises:
        ConfigurationError: An unknown or missing key, a value of the wrong kind or out of range.
    """
    fields = {field.name: field for field in dataclasses.fields(DetectorConfig)}
    for key, value in values.items():
        if key not in fields:
            nearest = difflib.get_close_matches(key, fields, n=1)
            hint = f" Did you mean '{nearest[0]}'?" if nearest else ""
            raise ConfigurationError(
                f"Unknown detector setting '{key}'.{hint}", where=where, valid=sorted(fields)
            )
        _check_kind(key, value, str(fields[key].type), where)
    missing = [
        name
        for name, field in fields.items()
        if field.default is dataclasses.MISSING and name not in values
    ]
    if missing:
        raise ConfigurationError(
            f"The detector setting '{missing[0]}' is missing.", where=where, valid=missing
        )
    return DetectorConfig(**values)


def _check_kind(key: str, value: object, kind: str, where: str) -> None:
    if kind == "int":
        good = isinstance(value, int) and not isinstance(value, bool)
        valid = "a whole number"
    elif kind == "float":
        good = isinstance(value, int | float) and not isinstance(value, bool)
        valid = "a number"
    else:
        good = isinstance(value, list | tuple) and all(
            isinstance(stage, list | tuple)
            and len(stage) == len(Stage._fields)
            and all(isinstance(n, int) and not isinstance(n, bool) for n in stage)
            for stage in value
        )
        valid = "a list of [pool, convolutions, kernel]"
    if not good:
        raise ConfigurationError(
            f"The detector setting '{key}' cannot be {value!r}.", where=where, valid=[valid]
        )


def config_values(config: DetectorConfig) -> dict[str, Any]:
    """Plain values of `config`, ready for JSON; `config_from` reads them back."""
    return {**dataclasses.asdict(config), "stages": [list(stage) for stage in config.stages]}
