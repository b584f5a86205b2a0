"""What was seen, and what people said about it."""
