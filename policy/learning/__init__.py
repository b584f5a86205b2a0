"""The Q function and how it is improved."""
