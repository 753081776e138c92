"""What a user sees of their notifications, and does to them."""
