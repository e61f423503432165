"""The window and what holds the views together."""
