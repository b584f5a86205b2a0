"""Who chooses actions, and what comes of it."""
