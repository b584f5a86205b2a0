"""What to do next: MT-Opt, trained with the success detector's rewards."""
