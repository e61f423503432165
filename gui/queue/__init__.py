"""The queue: its jobs, how far each is, and the panel that shows them."""
