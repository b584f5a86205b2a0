"""Doors out: episodes and labels in the forms that other tools read."""
