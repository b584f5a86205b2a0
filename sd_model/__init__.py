"""Did the task succeed? Judged from the three images of a terminal frame."""
