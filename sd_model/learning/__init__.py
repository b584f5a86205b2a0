"""From examples to a network."""
