"""The engines of Core ML packages."""
