"""What people said, as examples a detector learns from and is judged on."""
