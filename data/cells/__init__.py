"""Robot cells: what gives frames and takes actions."""
