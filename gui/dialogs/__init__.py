"""Settings, device and memory, shortcuts and about."""
