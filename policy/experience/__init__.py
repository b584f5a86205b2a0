"""What robots went through, as the trainer takes it."""
