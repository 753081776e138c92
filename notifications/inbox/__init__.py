"""The inbox: its pages, actions and JSON API."""
