"""Reports for people and machines, each a pure function of the run report."""
