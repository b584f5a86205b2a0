"""The simulated cell: the one place that talks to PyBullet."""
