"""An app whose models, rules, templates and receivers misbehave in every way that is listed."""
