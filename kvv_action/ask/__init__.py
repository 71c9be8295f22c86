"""Asks what the plan says; every answer is in the journal before anything else happens to it."""
