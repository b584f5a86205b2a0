"""Runs: background jobs in processes of their own, their order, and what they report."""
