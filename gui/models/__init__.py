"""The models view: what pictures are made with."""
