"""Everything about GitHub: the runner, workflow commands, the REST API, attestations."""
