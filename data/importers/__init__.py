"""Doors in: recordings and labels from the forms that other tools write."""
