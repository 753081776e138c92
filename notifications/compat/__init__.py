"""What the older packages left behind: settings, slugs and tables."""
