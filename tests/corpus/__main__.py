"""`python -m tests.corpus FOLDER`: writes the corpus and the narrow model it is drawn with, for `sdedge reproduce FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.corpus.cases import MODEL, every_case
from tests.generation.conftest import write_model

if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "corpus")
    model = folder / "model" / MODEL
    if not model.exists():
        model.mkdir(parents=True)
        write_model(4, model)
    (folder / "pictures").mkdir(exist_ok=True)
    for case in every_case():
        case.write(folder / "pictures", str(model))
    print(f"{len(every_case())} pictures; sdedge models add --link {model}; sdedge reproduce {folder / 'pictures'}")
