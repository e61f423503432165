"""The embedded model's world: illustrated scenes, their captions, what judges them, and the recipe that learns from them."""
