import dataclasses
import inspect

import pytest

from data.errors import ConfigurationError, UnknownName
from policy.config import RECIPES, PolicyConfig, load_recipe


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_loads_and_survives_json(name: str) -> None:
    config = load_recipe(name)
    assert PolicyConfig.from_dict(config.to_dict(), where="test") == config


def test_paper_recipe_has_the_numbers_of_the_papers() -> None:
    config = load_recipe("paper")
    assert (config.cem_samples, config.cem_elites, config.cem_iterations) == (64, 6, 2)
    assert (config.gamma, config.ema_decay, config.lag_updates) == (0.9, 0.9999, 6000)
    assert (config.optimizer, config.learning_rate, config.momentum) == ("sgd", 1e-4, 0.9)
    assert (config.weight_decay, config.batch_size, config.max_steps) == (7e-5, 32, 20)
    assert config.frame_size == (640, 512)


def test_override_replaces_one_setting() -> None:
    config = load_recipe("smoke", {"batch_size": 8, "gamma": 1})
    assert (config.batch_size, config.gamma) == (8, 1.0)
    assert isinstance(config.gamma, float)


def test_unknown_recipe_and_setting_name_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'smoke'"):
        load_recipe("smok")
    with pytest.raises(UnknownName, match=r"Did you mean 'batch_size'.*overrides of policy recipe"):
        load_recipe("smoke", {"batch_sise": 8})


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("gamma", 1.5),
        ("gamma", "high"),
        ("batch_size", 2.5),
        ("batch_size", True),
        ("strategy", "some"),
        ("pools", [3, 3]),
        ("pools", [3, 0, 3]),
        ("cem_elites", 100),
        ("image_px", 64),
        ("train_capacity", 3),
        ("ema_decay", float("nan")),
    ],
)
def test_nonsense_is_refused(setting: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=f"'{setting}'"):
        load_recipe("smoke", {setting: value})


def test_grasps_are_learned_from_the_ground_alone() -> None:
    assert load_recipe("cpu", {"method": "supervised"}).method == "supervised"
    with pytest.raises(ConfigurationError, match="sight = 'ground'"):
        load_recipe("paper", {"method": "supervised"})


def test_missing_setting_is_named() -> None:
    values = load_recipe("smoke").to_dict()
    del values["gamma"]
    with pytest.raises(ConfigurationError, match="gamma"):
        PolicyConfig.from_dict(values, where="config.json")


def test_every_setting_is_documented() -> None:
    source = inspect.getsource(PolicyConfig)
    for field in dataclasses.fields(PolicyConfig):
        after = source.split(f"    {field.name}: ", 1)[1].split("\n")[1]
        assert after.strip().startswith('"""'), field.name
