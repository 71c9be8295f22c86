"""What a run will ask, decided before anything is sent."""
