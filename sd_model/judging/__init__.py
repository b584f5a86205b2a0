"""What a detector says, and how far it can be trusted."""
