"""Recipes: named tables of settings, one TOML file each."""
