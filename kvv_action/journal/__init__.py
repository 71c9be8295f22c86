"""The journal of a run: written, read, merged."""
