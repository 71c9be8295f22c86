"""Statistics that verdicts rest on; pure functions of numbers."""
