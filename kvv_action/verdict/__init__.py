"""From the journal to the run report: counts, statistics, verdicts and their reasons."""
