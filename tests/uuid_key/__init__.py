"""The app of a site whose notifications have UUIDs for primary keys."""
