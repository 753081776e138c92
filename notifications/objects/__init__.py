"""Actor, action object and target: everything that belongs to the site, behind guards."""
