"""How the app looks and words things: colours, spacing, fonts, icons, the style of every control."""
