"""From transactions with labels to a model and its measure: the ladder, its guard, the artefact."""
