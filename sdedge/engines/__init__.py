"""What runs the networks of a model, behind one protocol."""
