"""Core ML ML Programs on any system: what is in a package (`package`, `program`, `blobs`), and torch to run it (`runner`)."""
