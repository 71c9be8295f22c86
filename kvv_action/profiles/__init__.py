"""Profiles of models in TOML: parameters, thinking, sampling and references."""
