"""The catalog: one index of all that is in a workspace, and every question asked of it."""
