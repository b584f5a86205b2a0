"""Tasks: what can be judged, how tasks follow from each other, and which a workspace has."""
