"""The leaderboard as a static site: pages, downloads, feeds and badges, each a pure function of the records."""
