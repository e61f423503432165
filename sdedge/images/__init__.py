"""Pictures: to and from arrays, previews, file names, and the metadata that travels inside the files."""
