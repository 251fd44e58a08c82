"""``manage.py predict``: results on the command line, with no service up and nothing stored."""
