"""The site that every candidate runs in."""
