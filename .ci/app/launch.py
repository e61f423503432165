"""Where the app that PyInstaller makes begins: it is the command `sdedge`, and without an argument its window.

It also answers for the processes that it starts itself, before anything else is imported.
"""

import multiprocessing
import os
import sys

from sdedge.interpreter import run_asked_module

# The loader points programs at the app's own libraries. Ours have them by now, and the system's, which open folders and keep
# the computer awake, need those that they were made for.
for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"):
    before = os.environ.pop(f"{name}_ORIG", None)
    if before is not None:
        os.environ[name] = before
    elif sys.platform == "linux":
        os.environ.pop(name, None)

multiprocessing.freeze_support()
run_asked_module()
if not sys.argv[1:]:  # as a desktop starts it
    sys.argv.append("gui")

from sdedge.cli import main  # noqa: E402

main()
