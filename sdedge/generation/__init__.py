"""The path of a picture: from a request to events and pictures."""
