"""An app that changes who is told."""
