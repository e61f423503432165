"""What the apps are built from, as far as no Mac and no PyInstaller is needed to read it."""

from __future__ import annotations

import ast
import importlib.util
import plistlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gui.shell import mac_app

yaml = pytest.importorskip("yaml", reason="PyYAML reads workflows")

ROOT = Path(__file__).parents[1]
APP = ROOT / ".ci" / "app"
APPS = ROOT / ".github" / "workflows" / "apps.yml"
SPEC = (APP / "sdedge.spec").read_text("utf-8")


def test_the_spec_is_python_and_names_what_is_there():
    tree = ast.parse(SPEC)
    values = {node.targets[0].id: node.value for node in tree.body if isinstance(node, ast.Assign)
              and isinstance(node.targets[0], ast.Name)}  # fmt: skip
    for package in ast.literal_eval(values["OURS"]):
        assert (ROOT / package / "__init__.py").is_file()
    (transformers,) = importlib.util.find_spec("transformers").submodule_search_locations
    for name in ast.literal_eval(values["HINTS"]):
        assert (Path(transformers) / "models" / name).is_dir()
    for name in re.findall(r'HERE / "([\w.]+)"', SPEC):
        assert (APP / name).is_file(), name
    for name in re.search(r"from gui\.shell\.mac_app import (.*)", SPEC)[1].split(", "):
        assert hasattr(mac_app, name)
    compile((APP / "launch.py").read_text("utf-8"), "launch.py", "exec")


def test_a_mac_is_told_what_the_app_is_and_opens():
    facts = plistlib.loads(plistlib.dumps(mac_app.facts()))
    assert re.fullmatch(r"[A-Za-z][\w-]*(\.[\w-]+){2,}", facts["CFBundleIdentifier"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", facts["CFBundleShortVersionString"])
    assert facts["LSMinimumSystemVersion"] == "14.0" and facts["NSHighResolutionCapable"] is True
    pictures, models = facts["CFBundleDocumentTypes"]
    assert "public.png" in pictures["LSItemContentTypes"] and "safetensors" in models["CFBundleTypeExtensions"]
    assert all(kind["LSHandlerRank"] == "Alternate" for kind in (pictures, models))  # never instead of Preview


def test_the_entitlements_are_those_that_a_hardened_python_needs():
    granted = plistlib.loads((APP / "entitlements.plist").read_bytes())
    assert granted == {f"com.apple.security.cs.{name}": True for name in (
        "allow-jit", "allow-unsigned-executable-memory", "disable-library-validation")}  # fmt: skip


def test_the_workflow_builds_draws_and_keeps_an_app_for_each_system():
    workflow = yaml.safe_load(APPS.read_text("utf-8"))
    for job in workflow["jobs"].values():
        steps = [step.get("run", "") + step.get("uses", "") for step in job["steps"]]
        order = [next(i for i, step in enumerate(steps) if part in step)
                 for part in ("checkout", "make ", ".ci/app/build", "tests.frozen_app", "upload-artifact")]  # fmt: skip
        assert order == sorted(order) and job["timeout-minutes"]
        (artifact,) = [step["with"]["path"] for step in job["steps"] if "upload" in step.get("uses", "")]
        assert any(artifact in step for step in steps)
    mac = "\n".join(step.get("run", "") for step in workflow["jobs"]["mac"]["steps"])
    order = [mac.index(part) for part in ("SDEDGE_SIGNING_IDENTITY=", ".ci/app/build", "codesign --verify", "notarytool submit",
                                          "stapler staple", "hdiutil create")]  # fmt: skip
    assert order == sorted(order) and "SDEDGE_SIGNING_IDENTITY" in SPEC
    secrets = set(re.findall(r"secrets\.(\w+)", APPS.read_text("utf-8")))
    assert secrets and all(f"`{name}`" in (ROOT / "docs" / "packaging.md").read_text("utf-8") for name in secrets)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no shell")
def test_the_scripts_are_well_formed():
    subprocess.run(["sh", "-n", APP / "build"], check=True)
    for step in yaml.safe_load(APPS.read_text("utf-8"))["jobs"]["mac"]["steps"]:
        subprocess.run(["sh", "-n"], input=step.get("run", ""), text=True, check=True)


def test_a_build_without_pyinstaller_says_what_is_missing(tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    done = subprocess.run([APP / "build", python, tmp_path / "dist"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "-m pip install pyinstaller" in done.stderr
