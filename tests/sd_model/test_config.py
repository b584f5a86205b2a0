from __future__ import annotations

import json
from typing import Any

import pytest

from data.errors import ConfigurationError, UnknownName
from sd_model.config import RECIPES, config_from, config_values, load_recipe


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_loads_and_survives_json(name: str) -> None:
    config = load_recipe(name)

    again = config_from(json.loads(json.dumps(config_values(config))), where="here")

    assert again == config


def test_the_paper_recipe_has_the_paper_s_sizes() -> None:
    config = load_recipe("paper")

    assert (config.image_px, config.channels) == (472, 64)
    assert sum(stage.convolutions for stage in config.stages) == 15
    assert config.map_px == 14


def test_overrides_replace_values() -> None:
    assert load_recipe("cpu", {"steps": 7}).steps == 7


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"step": 7}, "Did you mean 'steps'"),
        ({"steps": "many"}, "a whole number"),
        ({"steps": 1.5}, "a whole number"),
        ({"steps": True}, "a whole number"),
        ({"steps": 0}, "'steps' cannot be 0"),
        ({"label_smoothing": 0.2}, "0 to 0.05"),
        ({"stages": [[2, 1]]}, "a list of"),
        ({"stages": [[2, 1, 4]]}, "odd kernel"),
        ({"grid": 16}, "finer than a trunk's last map"),
        ({"cut_px": 16}, "0, or 24 to 256"),
        ({"cut_px": 24, "cut_stages": [[2, 1, 3]], "place_px": 16}, "'place_px' cannot be 16"),
        ({"place_px": 48}, "looks at the gripper, too"),
        ({"cut_px": 48, "cut_stride": 2, "place_px": 24}, "finer than a trunk's last map of 3 px"),
        ({"cut_px": 24, "cut_stages": [[8, 1, 3]]}, "finer than a trunk's last map of 3 px"),
    ],
)
def test_nonsense_is_refused(overrides: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        load_recipe("smoke", overrides)


def test_an_unknown_recipe_is_named() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'smoke'"):
        load_recipe("smok")


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(ConfigurationError, match="'image_px' is missing"):
        config_from({"steps": 5}, where="here")
