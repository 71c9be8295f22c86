"""Checks that look at every answer of a run, whichever benchmark asked."""
