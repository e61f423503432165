"""A tour of the app as a person takes it: a real window on a display of its own, the mouse and the keyboard.

    python -m tests.tour [--out DIR] [--theme light] [--size 1280x800] [--scale 1] [STEP ...]

Each step is one function of `steps.STEPS`, named after what must hold; it is given a Tour, which has a running app, and
fails by an AssertionError. `tests/gui/test_tour.py` runs all of them (`make proof`). Needs Xvfb, openbox and xdotool.

The app runs in a process of its own over the engine that draws noise (tests/fake_drawer.py), in a data folder of its own;
what it shows and what it thinks are asked over a pipe, what it is told comes from the mouse and the keyboard alone.
"""
