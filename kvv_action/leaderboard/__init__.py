"""Records of runs for a public leaderboard: how they are made, read, checked and kept; nothing here asks a network."""
