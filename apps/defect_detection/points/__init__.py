"""Operating points for people and programs: evidence, proposals, rehearsals, page and REST."""
