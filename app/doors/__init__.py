"""Doors to other tools: import and export, from the command line and as runs."""
