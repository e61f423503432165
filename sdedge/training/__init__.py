"""How the embedded model was made: procedural scenes, their captions, and the recipe that learns them."""
