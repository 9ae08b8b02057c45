"""HTTP: the published tree as a small web server gives it to readers and to a proxy before it, and the dashboard."""
