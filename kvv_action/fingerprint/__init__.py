"""Next-token probabilities as evidence: read, compared and judged."""
