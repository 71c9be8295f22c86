"""Sums: a benchmark that another package brings, with an option, a score rule and an export of its own."""
