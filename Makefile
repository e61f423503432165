# Two commands set everything up on a fresh machine: `make demo` and `make test`. `make proof` is the slow tier of the tests.

# A Python 3.11, 3.12 or 3.13 of your choice; without one the newest that is found.
PYTHON ?=
VENV   ?= .venv
# An environment that was moved or copied with its folder is removed here and made anew below.
$(shell sh .ci/venv --moved "$(VENV)")
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
TORCH  := torch==2.13.0 $(if $(TORCH_INDEX_URL),--index-url $(TORCH_INDEX_URL))
# What the command line needs; the app and the converters bring the rest when they are set up.
NEEDED := numpy pillow safetensors tokenizers click rich platformdirs send2trash torchsde
# On a Mac, converting and drawing with Core ML belong to it, and the way to its trash.
NEEDED += $(if $(filter Darwin,$(shell uname -s)),coremltools pyobjc-framework-Cocoa)

# Test-only referees whose own requirements would replace torch.
REFEREES := k-diffusion lycoris-lora

.PHONY: demo gui app dist test proof lint types bench screenshots clean

demo: $(VENV)/.demo
	$(BIN)/sdedge generate "a blue house at night with two trees" --out out

gui: $(VENV)/.gui
	$(BIN)/sdedge gui

# On a Mac: dist/sdedge.app, for the Dock and the Finder, which starts the app of this environment.
app: $(VENV)/.gui
	$(BIN)/python -m gui.shell.mac_app

# The app for machines without a Python: dist/sdedge, and on a Mac dist/sdedge.app. docs/packaging.md says what it needs.
dist: $(VENV)/.gui
	$(PIP) pyinstaller setuptools coremltools transformers ".[serve,keyring]"
	.ci/app/build $(BIN)/python dist

test: $(VENV)/.test lint
	$(BIN)/python -m pytest -n auto --dist loadfile -m "not slow"

proof: $(VENV)/.proof types
	$(BIN)/python -m pytest -n auto --dist loadfile -m slow

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test
	$(BIN)/mypy

bench: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks

# An interpreter that is gone, as after an upgrade, makes the environment anew.
$(BIN)/python:
	@sh .ci/venv "$(VENV)" "$(PYTHON)"

$(VENV)/.demo: $(BIN)/python pyproject.toml constraints.txt $(wildcard sdedge/engines/torch/cpu/*.[ch])
	@sh .ci/venv "$(VENV)" "$(PYTHON)"
	$(PIP) $(TORCH)
	$(PIP) $(NEEDED)
	$(PIP) --no-deps --editable .
	# CLIP's vocabulary, for single-file models; everything else works without it.
	-$(BIN)/sdedge tokenizer install
	touch $@

$(VENV)/.gui: $(VENV)/.demo
	$(PIP) PySide6-Essentials
	touch $@

$(VENV)/.test: $(VENV)/.demo
	$(PIP) --editable ".[test,serve]"
	$(PIP) --no-deps $(REFEREES)
	touch $@

$(VENV)/.proof: $(VENV)/.test
	$(PIP) --editable ".[test,serve,clients]"
	touch $@

# The app's panels in light and dark, for the documentation; needs Xvfb.
screenshots: $(VENV)/.test
	xvfb-run -a -s "-screen 0 1600x1200x24" $(BIN)/python -m tests.screenshots

clean:
	rm -rf $(VENV) build dist *.egg-info
