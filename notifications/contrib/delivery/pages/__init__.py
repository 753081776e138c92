"""What the pages of the app show and change."""
