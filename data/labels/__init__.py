"""Labels: what people said about frames, whether they agree, and what is set apart for judging."""
