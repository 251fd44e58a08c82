"""REST of alerts, cases, labels, entities and lists, below ``/api/v1/fraud/``."""
