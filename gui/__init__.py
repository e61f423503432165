"""The desktop app. Arrives in a later release."""
