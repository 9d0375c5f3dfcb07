"""A Django project with the drop-in, as real as one of one page can be: run by servers, and by `python -m django`."""
