"""Documents are read in a process of their own: one that takes too long or too much is given up, with its process, and
costs the other sources nothing."""
