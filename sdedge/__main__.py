"""`python -m sdedge` is the `sdedge` command, for programs that start it."""

from sdedge.interpreter import forget_working_folder

forget_working_folder()

from sdedge.cli import main  # noqa: E402, nothing more is imported from the working folder

main()
