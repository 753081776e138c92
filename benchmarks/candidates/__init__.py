"""What is measured: one module for each package, and one for the floor."""
