"""The form: everything that determines the next picture, as data and as controls."""
