"""What the pages for a browser have in common: stylesheet, policy, escaping, charts."""
