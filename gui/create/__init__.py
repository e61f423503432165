"""The view in which pictures are made: canvas, mask, what is drawn now and what came last."""
