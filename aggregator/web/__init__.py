"""HTTP: the published tree as a small web server gives it out, for readers and for a proxy before it."""
