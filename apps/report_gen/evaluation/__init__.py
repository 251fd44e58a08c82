"""How a report model is judged: on phantoms, on people's own studies, on nodules put in."""
