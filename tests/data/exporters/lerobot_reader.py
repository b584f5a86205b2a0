"""Run by `test_lerobot_library` in LeRobot's own environment: load, iterate, train one step."""

from __future__ import annotations

import json
import sys

import torch
from lerobot.datasets.lerobot_dataset import LeRobotDataset
from lerobot.datasets.utils import dataset_to_policy_features

folder, kind = sys.argv[1:]
dataset = LeRobotDataset("goalpost/export", root=folder, video_backend="pyav")
items = [dataset[index] for index in range(len(dataset))]
images = [item["observation.images.over_shoulder"] for item in items]
assert all(item["task"] == "The gripper holds any one object clear of the bin." for item in items)

if kind == "robot":
    from lerobot.configs.types import FeatureType
    from lerobot.policies.act.configuration_act import ACTConfig
    from lerobot.policies.act.modeling_act import ACTPolicy
    from lerobot.policies.factory import make_pre_post_processors

    features = dataset_to_policy_features(dataset.meta.features)
    outputs = {name: f for name, f in features.items() if f.type is FeatureType.ACTION}
    inputs = {name: f for name, f in features.items() if name not in outputs}
    config = ACTConfig(
        input_features=inputs, output_features=outputs, chunk_size=2, n_action_steps=2,
        pretrained_backbone_weights=None, dim_model=64, n_heads=2, dim_feedforward=64,
        n_encoder_layers=1, use_vae=False, device="cpu",
    )  # fmt: skip
    policy = ACTPolicy(config)
    prepare, _ = make_pre_post_processors(config, dataset_stats=dataset.meta.stats)
    chunked = LeRobotDataset(
        "goalpost/export", root=folder, video_backend="pyav",
        delta_timestamps={"action": [0.0, 1 / dataset.fps]},
    )  # fmt: skip
    batch = next(iter(torch.utils.data.DataLoader(chunked, batch_size=4)))
    loss, _ = policy.forward(prepare(batch))
else:
    batch = next(iter(torch.utils.data.DataLoader(dataset, batch_size=4, shuffle=True)))
    views = [batch[name] for name in dataset.meta.camera_keys]
    network = torch.nn.Linear(views[0][0].numel() * len(views), 1)
    logits = network(torch.cat([view.flatten(1) for view in views], 1)).squeeze(1)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, batch["next.reward"])
    policy = network
optimizer = torch.optim.SGD(policy.parameters(), lr=1e-3)
loss.backward()
optimizer.step()
print(
    json.dumps(
        {
            "episodes": dataset.num_episodes,
            "frames": len(items),
            "rewards": [item["next.reward"].item() for item in items],
            "means": [image.mean().item() for image in images],
            "loss": loss.item(),
        }
    )
)
