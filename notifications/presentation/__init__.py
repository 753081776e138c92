"""A notification as text, HTML and JSON."""
