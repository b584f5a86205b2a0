"""Episodes: frames and steps, the shards that keep them, and where each one lies."""
