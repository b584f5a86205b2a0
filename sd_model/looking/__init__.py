"""Where in each view it pays to look closely: the gripper, found, and what is cut out round it."""
