"""A larger world for the embedded model: illustrated scenes of two dozen things, their captions, and what judges them."""
