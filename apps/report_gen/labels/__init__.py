"""Labels out of free-text reports of chest CT: CT-RATE's eighteen, by rules written by hand.

`extract.extract(text)` says which are there. Nothing in here was learned from a data set: CT-RATE's
licence (CC BY-NC-SA 4.0) keeps what is trained on it from being shipped. Rules were written while
looking at one half of its reports, and `measure` tells of the other half.
"""
