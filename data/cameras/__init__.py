"""Cameras: which sources may be opened, how they are read, and how much two pictures differ."""
