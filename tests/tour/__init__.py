"""A tour of the app as a person takes it: a real window on a display of its own, the mouse and the keyboard.

    python -m tests.tour [--out DIR] [--theme light] [--size 1280x800] [--scale 1] [STEP ...]
    python -m tests.tour --all           both themes, 100 % and 150 %, 1280 x 800 and 960 x 640

Each step is one function of `steps.STEPS`, named after what must hold; it is given a Tour, which has a running app, and
fails by an AssertionError. `tests/gui/test_tour.py` runs all of them (`make proof`). Needs Xvfb, openbox and xdotool.

The app runs in a process of its own over an engine without torch (tests/tour/drawer.py), in a data folder of its own;
what it shows and what it thinks are asked over a pipe, what it is told comes from the mouse and the keyboard alone. Another
program stands beside it, for the clipboard and for what is dragged (tests/tour/neighbour.py).
"""
