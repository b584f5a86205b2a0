"""Windows and doors: the web application and the command line. No computation."""
