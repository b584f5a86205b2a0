"""How many images a second detector training takes on this machine, per recipe.

An image is one camera's view, seen whole and, where the recipe says so, closely; a frame has three.
Augmentation runs beside the network, as in training. Run:
`python benchmarks/detector_training_speed.py [--recipe cpu] [--updates 30]`.
"""

from __future__ import annotations

import platform
import time

import click
import numpy as np
import torch

from data.episodes.frames import CAMERAS
from sd_model.config import load_recipe
from sd_model.learning.augmentation import Looks, Preprocessing, to_tensors
from sd_model.learning.network import build_network
from sd_model.looking.finder import Finder, FinderNetwork

TASKS = 12


@click.command()
@click.option("--recipe", "recipes", multiple=True, default=("smoke", "cpu"), show_default=True)
@click.option("--updates", default=30, show_default=True, help="Updates that are timed.")
@click.option("--threads", default=0, help="Threads of torch; 0: as many as it chooses.")
def main(recipes: tuple[str, ...], updates: int, threads: int) -> None:
    """Print images per second of augmentation, of the network, and of scoring."""
    if threads:
        torch.set_num_threads(threads)
    click.echo(f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads")
    for recipe in recipes:
        augmented, trained, scored = measure(recipe, updates)
        click.echo(
            f"{recipe}: augmentation {augmented:.0f}, training {trained:.0f}, "
            f"scoring {scored:.0f} images/s"
        )


def measure(recipe: str, updates: int) -> tuple[float, float, float]:
    """Images per second of augmentation alone, of updates alone, and of scoring."""
    config = load_recipe(recipe)
    generator = np.random.default_rng(0)
    kept = Looks(
        *(
            generator.integers(
                0, 255, (config.batch_size, len(CAMERAS), side, side, 3), dtype=np.uint8
            )
            for side in (config.kept_px, config.kept_cut_px, config.kept_place_px)
        )
    )
    finder = Finder(FinderNetwork(config.marks), torch.device("cpu"))
    preprocessing = Preprocessing(config, finder)
    images = config.batch_size * len(CAMERAS)
    began = time.perf_counter()
    for update in range(updates):
        crops = preprocessing.augment(kept, seed=update)
    augmented = images * updates / (time.perf_counter() - began)

    network = build_network(config, TASKS, seed=0, device=torch.device("cpu"))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    batch = to_tensors(crops, torch.device("cpu"))
    for update in range(updates + 3):
        if update == 3:  # after a warm-up
            began = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = network(*batch).square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    trained = images * updates / (time.perf_counter() - began)

    network.eval()
    began = time.perf_counter()
    with torch.inference_mode():
        for _ in range(updates):
            network(*batch)
    return augmented, trained, images * updates / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
