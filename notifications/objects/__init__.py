"""Actor, action object and target: access to the objects of the site, guarded against their errors."""
