"""One module per command of `sdedge convert`."""
