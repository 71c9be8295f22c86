"""What kvv does: each use case takes what was asked for and returns a record of what came of it; nothing is printed."""
