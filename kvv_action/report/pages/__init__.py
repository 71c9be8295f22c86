"""Shared parts of all pages for a browser: stylesheet, policy, escaping, charts."""
