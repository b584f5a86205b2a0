"""Recording: what a person shows to the cameras at 5 Hz, from the journal to a sealed clip."""
