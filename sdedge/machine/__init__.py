"""What this computer is and can: memory, number formats, measurements."""
