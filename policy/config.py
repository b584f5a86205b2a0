"""How a policy is built, trained and acts: one frozen table of numbers, and the recipes for it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from importlib.resources import files
from typing import Any, Literal, Self, get_args

from data.episodes.frames import Size
from data.errors import ConfigurationError, unknown_name

Strategy = Literal["orig", "all", "skill"]
"""Which tasks an episode may be impersonated as (MT-Opt, Sec. IV-B)."""
Balancing = Literal["rebal", "rand"]
"""What batches are made of: equal parts, or whatever there is (MT-Opt, Table 4)."""
Sight = Literal["view", "ground"]
"""What the network is shown of a frame; see `policy.experience.sight`."""
Heads = Literal["one", "each"]
Method = Literal["q_learning", "supervised"]
Termination = Literal["learned", "scripted"]
Returns = Literal["bootstrapped", "own"]
Optimizer = Literal["adamw", "sgd"]
Precision = Literal["float32", "bfloat16"]

RECIPES = ("smoke", "cpu", "paper")


@dataclass(frozen=True, kw_only=True)
class PolicyConfig:
    """Every number a policy depends on. Raises `ConfigurationError` where one makes no sense."""

    # What the policy sees
    sight: Sight
    """`view`: the camera's whole view, as in the papers; `ground`: the floor round the fingertips
    as from above, in which the network looks where each action would lead."""
    view_width_px: int
    """Width of the camera's images as they are recorded [px]."""
    view_height_px: int
    """Height of the camera's images as they are recorded [px]."""
    frame_width_px: int
    """Width of the images in replay, from which the network's input is cut [px]."""
    frame_height_px: int
    """Height of the images in replay [px]."""
    ground_pixel_mm: float
    """Side of the square of floor that a pixel of `ground` shows [mm]; unused by `view`."""
    look_px: int
    """Side of the part of `ground` that is looked at for one action [px]; unused by `view`."""
    image_px: int
    """Side of the square image the network sees [px]."""
    shift_px: int
    """Border added round the stored image before the random cut: the random shift [px]."""
    brightness: float
    """Largest change of brightness in training, as a share of full scale; 0 leaves it alone."""
    contrast: float
    """Contrast and saturation are scaled by 1 - this to 1 + this in training; 0 leaves them."""
    colour_mix: float
    """Deviation of the matrix that mixes the colours in training, as lights and cameras differ."""
    turn_rad: float
    """Deviation of the gripper's turn in training [rad]; unused by `view`."""

    # The Q network (MT-Opt, App. 7.1)
    channels: int
    """Feature maps of every convolution, and units of the last layers."""
    convolutions_before: int
    """5x5 convolutions between the first pool and the second, before the action is merged."""
    convolutions_after: int
    """3x3 convolutions after the action is merged."""
    convolutions_valid: int
    """3x3 convolutions without padding after the last pool."""
    pools: tuple[int, int, int]
    """Kernel and stride of the three max pools."""
    vector_units: int
    """Units into which action, state and task are summed before they are merged."""
    heads: Heads
    """`one`: all tasks end in the same fully connected layers; `each`: every task has its own, and
    shares what comes before (MT-Opt, Fig. 9)."""
    batch_norm_momentum: float
    """Share of a batch's statistics that enters the running ones (1 - decay)."""
    batch_norm_epsilon: float
    """Added to variances in batch normalisation."""
    initial_deviation: float
    """Standard deviation of the truncated normal initial weights; 0 scales with each fan-in."""

    # The cross-entropy method (QT-Opt, Sec. 4.2)
    cem_samples: int
    """Actions sampled in each iteration."""
    cem_elites: int
    """Best actions to which the next distribution is fitted."""
    cem_iterations: int
    """Rounds of sampling."""

    # The decision process
    method: Method
    """`q_learning`: what each action is worth (QT-Opt); `supervised`: whether the grasp that a
    motion leads to succeeds, the baseline of QT-Opt's Table 1: picks only, and only with `ground`.
    It needs neither targets nor discount."""
    gamma: float
    """Discount a step."""
    step_penalty: float
    """Reward of every step that does not end the episode (0 or a little below)."""
    max_steps: int
    """An episode ends after this many actions."""

    termination: Termination
    """`learned`: the policy ends its episode itself; `scripted`: by gripper and height, as in
    QT-Opt's Algorithm 2."""
    returns: Returns
    """`bootstrapped`: targets are r + gamma V(s') alone; `own`: and never lower than what the
    episode itself went on to earn."""
    bootstrap_share: float
    """Weight of that in a target; the rest is what the episode itself went on to earn. At 0 nothing
    is bootstrapped: Q is how the episodes that robots acted ended."""

    # Experience (MT-Opt, Sec. IV-B)
    strategy: Strategy
    """Which tasks an episode may be impersonated as."""
    p_success: float
    """Probability of keeping an episode that succeeded at the impersonated task."""
    p_failure: float
    """Probability of keeping an episode that failed at the impersonated task."""
    balancing: Balancing
    """`rebal`: every task in equal parts, success at a constant share; `rand`: as it comes."""
    success_share_of_batch: float
    """Share of each batch that comes from successful episodes; unused by `rand`."""
    command_share_of_batch: float
    """Share of each batch whose actions open, close or terminate, which are few and decide most;
    0 takes them as often as they come."""
    replay_capacity: int
    """Transitions kept for each task and outcome; the oldest leave first."""
    epsilon: float
    """Probability of a random action while the policy collects (QT-Opt, Appendix B)."""

    # The loop (MT-Opt, App. 7.4)
    scripted_episodes: int
    """Episodes of scripts that robots collect before the policy acts."""
    guided_share: float
    """Share of the policy's episodes in which a script often takes its turn."""
    greedy_share: float
    """Share of the policy's episodes without noise, whose success is reported."""
    updates_per_episode: float
    """Updates for each episode that teaches one of the tasks; beyond that, training waits for more
    as long as robots collect."""
    restart_updates: int
    """The network begins anew, with all experience so far, every so many updates; 0: never."""

    # Learning
    optimizer: Optimizer
    """`adamw`, or `sgd` with `momentum`."""
    learning_rate: float
    """Step size."""
    momentum: float
    """Momentum of `sgd`; unused by `adamw`."""
    weight_decay: float
    """L2 coefficient on weights (`adamw`: share of them that an update of step size 1 takes away);
    never on biases or batch normalisation."""
    batch_size: int
    """Transitions an update."""
    precision: Precision
    """Arithmetic of the convolutions in training and in the target copies."""
    ema_decay: float
    """Decay of the moving average of the weights, an update."""
    lag_updates: int
    """How many updates the lagged copy of the average is behind it, on average."""
    publish_updates: int
    """Updates between two versions of the target copies."""

    # Labelling (QT-Opt, Appendix F)
    uses_per_label: int
    """Updates that each labelled transition serves, on average."""
    label_batch_size: int
    """Transitions labelled at a time; 4 to 64 keep the working set in the cache."""
    train_capacity: int
    """Labelled transitions kept; the oldest leave first."""
    max_label_age: int
    """Labels made by target copies this many versions behind the newest are dropped."""
    log_replay_updates: int
    """Updates between two refills of the replay buffers from the log."""

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            for number in value if isinstance(value, tuple) else (value,):
                if not low <= number <= high:
                    raise _refusal(name, value, f"{low} to {high}")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise _refusal(name, getattr(self, name), *choices)
        if self.cem_elites > self.cem_samples:
            raise _refusal("cem_elites", self.cem_elites, f"1 to cem_samples ({self.cem_samples})")
        if self.method == "supervised" and self.sight != "ground":
            raise _refusal("method", self.method, "'q_learning', or sight = 'ground'")
        border = 2 * self.shift_px
        if self.image_px > min(self.frame_width_px, self.frame_height_px) + border:
            raise _refusal(
                "image_px",
                self.image_px,
                f"up to the smaller side of the stored image plus {border} px of border",
            )
        if self.train_capacity < self.batch_size:
            raise _refusal(
                "train_capacity", self.train_capacity, f"batch_size ({self.batch_size}) or more"
            )

    @property
    def view_size(self) -> Size:
        """The size at which the policy's camera is recorded."""
        return Size(self.view_width_px, self.view_height_px)

    @property
    def frame_size(self) -> Size:
        """The size of the images in replay."""
        return Size(self.frame_width_px, self.frame_height_px)

    def to_dict(self) -> dict[str, Any]:
        """The table as JSON can hold it."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, where: str) -> Self:
        """The config with exactly these `values`.

        Raises:
            UnknownName: A key that is no setting.
            ConfigurationError: A setting that is missing, has the wrong type or makes no sense.
        """
        _check_names(values, where)
        missing = [name for name in _NAMES if name not in values]
        if missing:
            raise ConfigurationError(
                f"The settings {', '.join(missing)} are missing.",
                where=where,
                next_step="Write each of them, or start from a recipe.",
            )
        return cls(**{name: _typed(name, values[name]) for name in _NAMES})


def load_recipe(name: str, overrides: Mapping[str, Any] | None = None) -> PolicyConfig:
    """The recipe `smoke`, `cpu` or `paper`, with `overrides` by setting.

    Raises:
        UnknownName: No such recipe, or an override of an unknown setting.
        ConfigurationError: A value of the wrong type or outside its range.
    """
    if name not in RECIPES:
        raise unknown_name("recipe", name, RECIPES, next_step="Choose one of the known recipes.")
    where = f"policy recipe '{name}'"
    values = tomllib.loads((files("policy") / "recipes" / f"{name}.toml").read_text())
    _check_names(overrides or {}, f"overrides of {where}")
    return PolicyConfig.from_dict({**values, **(overrides or {})}, where=where)


_NAMES = tuple(field.name for field in fields(PolicyConfig))
_TYPES = {field.name: str(field.type) for field in fields(PolicyConfig)}
_CHOICES: dict[str, tuple[str, ...]] = {
    "sight": get_args(Sight),
    "heads": get_args(Heads),
    "method": get_args(Method),
    "termination": get_args(Termination),
    "returns": get_args(Returns),
    "strategy": get_args(Strategy),
    "balancing": get_args(Balancing),
    "optimizer": get_args(Optimizer),
    "precision": get_args(Precision),
}
_RANGES: dict[str, tuple[float, float]] = {
    "view_width_px": (16, 4096), "view_height_px": (16, 4096), "ground_pixel_mm": (0.1, 100),
    "look_px": (8, 1024), "command_share_of_batch": (0, 1), "bootstrap_share": (0, 1),
    "scripted_episodes": (0, 10**9),
    "guided_share": (0, 1), "greedy_share": (0, 1), "updates_per_episode": (0.01, 1000),
    "restart_updates": (0, 10**9),
    "frame_width_px": (16, 4096), "frame_height_px": (16, 4096), "image_px": (16, 1024),
    "shift_px": (0, 64), "brightness": (0, 1), "contrast": (0, 1),
    "colour_mix": (0, 1), "turn_rad": (0, 1),
    "channels": (1, 512), "convolutions_before": (0, 16), "convolutions_after": (0, 16),
    "convolutions_valid": (0, 16), "pools": (1, 4), "vector_units": (1, 4096),
    "batch_norm_momentum": (1e-6, 1), "batch_norm_epsilon": (1e-8, 1), "initial_deviation": (0, 1),
    "cem_samples": (1, 4096), "cem_elites": (1, 4096), "cem_iterations": (1, 16),
    "gamma": (0, 1), "step_penalty": (-1, 0), "max_steps": (1, 1000),
    "p_success": (0, 1), "p_failure": (0, 1), "success_share_of_batch": (0, 1),
    "replay_capacity": (1, 10**9), "epsilon": (0, 1),
    "learning_rate": (1e-8, 1), "momentum": (0, 0.9999), "weight_decay": (0, 1),
    "batch_size": (2, 65536), "ema_decay": (0, 0.999999), "lag_updates": (0, 10**7),
    "publish_updates": (1, 10**6), "uses_per_label": (1, 1000), "label_batch_size": (1, 4096),
    "train_capacity": (1, 10**9), "max_label_age": (1, 10**6), "log_replay_updates": (1, 10**9),
}  # fmt: skip


def _check_names(values: Mapping[str, Any], where: str) -> None:
    for name in values:
        if name not in _NAMES:
            raise unknown_name("setting", name, _NAMES, where=where)


def _typed(name: str, value: Any) -> Any:
    """`value` as the type of the setting `name`; whole numbers may stand for real ones."""
    kind = _TYPES[name]
    whole = isinstance(value, int) and not isinstance(value, bool)
    if kind == "int" and whole:
        return value
    if kind == "float" and (whole or isinstance(value, float)):
        return float(value)
    if kind.startswith("tuple") and isinstance(value, list | tuple) and len(value) == 3:
        return tuple(value)
    if name in _CHOICES and isinstance(value, str):
        return value
    raise _refusal(name, value, kind)


def _refusal(name: str, value: object, *valid: str) -> ConfigurationError:
    return ConfigurationError(
        f"The setting '{name}' cannot be {value!r}.",
        where="policy configuration",
        valid=valid,
        next_step=f"Change '{name}' in the recipe or the overrides.",
    )
