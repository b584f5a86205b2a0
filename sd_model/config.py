"""What a detector is made of and how it is trained; recipes in TOML; unknown keys are errors."""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, NamedTuple

from data.errors import ConfigurationError, unknown_name

RECIPES = ("smoke", "quick", "cpu", "paper")
"""`smoke`: seconds, shows that everything runs; `quick`: minutes, a first usable detector; `cpu`:
useful on two cores; `paper`: its sizes."""
RETRAINING_SHARE = 0.2
"""Updates of a training that goes on from a detector, as a share of one from nothing."""


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
    cut_px: int = 0
    """Side of the second, sharper look at the gripper that the network takes in every view, 24 to
    256 [px]; 0: none."""
    cut_share: float = 0.15
    """Width of the second look as a share of the view's, 0.02 to 0.5."""
    cut_margin: float = 0.34
    """How much more than that is kept, so that crops can wander; 0 to 1."""
    cut_stages: tuple[Stage, ...] = (Stage(2, 2, 3), Stage(2, 2, 3))
    """The second look's trunk after its first convolution."""
    jaws_weight: float = 0.0
    """What it weighs in the loss that the second look tells whether the jaws are closed, 0 to 10.
    It is learned where robots say so, and asked of none that is judged; nothing without that
    look."""
    cut_stride: int = 1
    """Stride of that first convolution [px]; 2 on a larger cut trains three times as fast."""
    place_px: int = 0
    """Side of the look at the place where objects are put down, in every view, 24 to 256 [px]; 0:
    none. It goes with a second look, whose margin and stages it shares."""
    place_share: float = 0.5
    """Width of that look as a share of the view's, 0.02 to 0.5."""
    place_stride: int = 2
    """Stride of its first convolution [px]."""
    finder_updates: int = 1200
    """Updates of the network that finds the gripper, where there is a second look."""
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
    saturation: float = 0.0
    """Largest change of saturation, as a share, 0 to 1."""
    hue: float = 0.0
    """Largest change of hue, as a share of the colour circle, 0 to 0.1; colour tells objects
    apart."""
    rotation_deg: float = 8.0
    """Largest turn of a view, 0 to 45 [degrees]."""
    rotation_probability: float = 0.5
    """Share of views that are turned."""
    shadow_probability: float = 0.5
    """Share of views on which one to three shadows fall."""

    steps: int
    """Updates of the network."""
    steps_share: float = 1.0
    """What share of a training from nothing these are; below 1 where it goes on from a detector."""
    batch_size: int = 32
    """Frames an update; each has three views."""
    robot_frames: int = 0
    """Frames of each robot on which its own batch statistics are estimated once training is over, 0
    to 100,000; 0: all robots share those of training."""
    own_share: float = 0.5
    """How much of what is drawn for a task comes from episodes that show it, 0 to 1; the rest is
    drawn from everything known of it, most of which follows from other tasks' outcomes."""
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

    frames_per_clip: int = 20
    """Most frames that a clip contributes, spread evenly; its frames resemble each other."""
    validation_share: float = 0.2
    """Share of the groups of training robots kept back to choose thresholds, 0.05 to 0.5."""
    false_positive_cost: float = 1.0
    """What an accepted failure costs the threshold that tasks share, where a missed success costs
    1; 0.01 to 100. A policy exploits the one and starves of the other."""
    false_positive_rate: float = 0.05
    """The false positive rate that a threshold must stay below, with `confidence`; 0.001 to 0.5."""
    confidence: float = 0.9
    """One-sided confidence of that bound (Clopper-Pearson), 0.5 to 0.999."""
    checkpoint_every: int = 200
    """Updates between two checkpoints, from which a killed run goes on."""
    report_every: int = 20
    """Updates between two lines of metrics."""

    def __post_init__(self) -> None:
        for name in ("stages", "cut_stages"):
            object.__setattr__(self, name, tuple(Stage(*stage) for stage in getattr(self, name)))
        for name, low, high in (
            ("image_px", 32, 512), ("crop_margin", 0, 0.5), ("channels", 4, 256),
            ("stem_kernel", 1, 15), ("stem_stride", 1, 8), ("grid", 1, 16),
            ("projection", 1, 4096), ("hidden", 1, 4096), ("brightness", 0, 1),
            ("contrast", 0, 1), ("brightness_probability", 0, 1), ("rotation_deg", 0, 45),
            ("rotation_probability", 0, 1), ("shadow_probability", 0, 1),
            ("steps", 1, 10_000_000), ("steps_share", 0.01, 1), ("own_share", 0, 1),
            ("robot_frames", 0, 100_000),
            ("jaws_weight", 0, 10),
            ("batch_size", 2, 4096), ("learning_rate", 1e-7, 1),
            ("warmup_share", 0, 0.5), ("weight_decay", 0, 1), ("label_smoothing", 0, 0.05),
            ("ema_decay", 0, 0.99999), ("cut_share", 0.02, 0.5), ("cut_margin", 0, 1),
            ("place_share", 0.02, 0.5), ("cut_stride", 1, 4), ("place_stride", 1, 4),
            ("finder_updates", 1, 1_000_000), ("saturation", 0, 1), ("hue", 0, 0.1),
            ("frames_per_clip", 1, 10_000), ("validation_share", 0.05, 0.5),
            ("false_positive_cost", 0.01, 100),
            ("false_positive_rate", 0.001, 0.5), ("confidence", 0.5, 0.999),
            ("checkpoint_every", 1, 10_000_000), ("report_every", 1, 10_000_000),
        ):  # fmt: skip
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigurationError(
                    f"The detector's '{name}' cannot be {value}.", valid=[f"{low} to {high}"]
                )
        for name in ("cut_px", "place_px"):
            side = getattr(self, name)
            if side and not 24 <= side <= 256:
                raise ConfigurationError(
                    f"The detector's '{name}' cannot be {side}.", valid=["0, or 24 to 256"]
                )
        if self.place_px and not self.cut_px:
            raise ConfigurationError(
                "A detector that looks at the place ('place_px') looks at the gripper, too.",
                valid=["'cut_px' of 24 to 256"],
            )
        for stage in (*self.stages, *self.cut_stages):
            if stage.pool < 1 or stage.convolutions < 0 or stage.kernel < 1 or not stage.kernel % 2:
                raise ConfigurationError(
                    f"The detector's 'stages' cannot hold {tuple(stage)}.",
                    valid=["[pool >= 1, convolutions >= 0, odd kernel]"],
                )
        smallest = min(
            [self.map_px]
            + [self.cut_map_px] * (self.cut_px > 0)
            + [self.place_map_px] * (self.place_px > 0)
        )
        if smallest < self.grid:
            raise ConfigurationError(
                f"The detector's 'grid' of {self.grid} is finer than a trunk's last map of "
                f"{smallest} px.",
                valid=[f"1 to {smallest}"],
                next_step="Use a smaller grid, a smaller stride, fewer pools or larger images.",
            )

    @property
    def tells_jaws(self) -> bool:
        """Whether training asks the second look if the jaws are closed."""
        return self.cut_px > 0 and self.jaws_weight > 0

    @property
    def kept_px(self) -> int:
        """Side of the frames kept in the cache, of which `image_px` are cropped."""
        return round(self.image_px * (1 + self.crop_margin))

    @property
    def kept_cut_px(self) -> int:
        """Side of the second look as it is kept, of which `cut_px` are cropped."""
        return round(self.cut_px * (1 + self.cut_margin))

    @property
    def kept_cut_share(self) -> float:
        """What is kept for the second look, as a share of the view's width."""
        return self.cut_share * (1 + self.cut_margin)

    @property
    def marks(self) -> int:
        """What the finder looks for: 1, the gripper; 2, the place too."""
        return 1 + (self.place_px > 0)

    @property
    def kept_place_px(self) -> int:
        """Side of the look at the place as it is kept, of which `place_px` are cropped."""
        return round(self.place_px * (1 + self.cut_margin))

    @property
    def kept_place_share(self) -> float:
        """What is kept for the look at the place, as a share of the view's width."""
        return self.place_share * (1 + self.cut_margin)

    @property
    def map_px(self) -> int:
        """Side of the trunk's last map: the stem rounds down, pools round up [px]."""
        return _last_map_px(self.image_px // self.stem_stride, self.stages)

    @property
    def cut_map_px(self) -> int:
        """Side of the second look's last map [px]."""
        return _last_map_px(self.cut_px // self.cut_stride, self.cut_stages)

    @property
    def place_map_px(self) -> int:
        """Side of the last map of the look at the place [px]."""
        return _last_map_px(self.place_px // self.place_stride, self.cut_stages)


def _last_map_px(side: int, stages: Sequence[Stage]) -> int:
    for stage in stages:
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
    stages = {
        name: [list(stage) for stage in getattr(config, name)] for name in ("stages", "cut_stages")
    }
    return {**dataclasses.asdict(config), **stages}
