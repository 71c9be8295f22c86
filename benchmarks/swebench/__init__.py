"""SWE-bench: a model repairs repositories in containers, and the official rules grade its patches."""
