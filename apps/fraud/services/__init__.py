"""What people and jobs do with alerts, cases, lists, labels, entities: one function a verb."""
