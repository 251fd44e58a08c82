"""Pages: alerts, cases, entities, lists, labels."""
