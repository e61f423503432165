"""The gallery view: every picture there is, its thumbnails, and how it was made."""
