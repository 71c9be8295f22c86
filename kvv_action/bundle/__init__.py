"""The evidence of a run in one archive: packed the same way every time, read without trusting anything in it."""
