"""`python -m sdedge` is the `sdedge` command, for programs that start it."""

from sdedge.cli import main

main()
