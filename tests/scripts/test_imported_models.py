"""A model that somebody else fine-tuned is compared and healed by what the import wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import SCRIPTS
from halfling_import.prompt_template import TEMPLATES, Template
from lcrec_example import LAYOUTS, imported

TOOL = SCRIPTS.parent / "build/native/compressor/halfling"
pytestmark = pytest.mark.skipif(not TOOL.is_file(), reason=f"{TOOL} is not built")


def run(*command: object) -> str:
    words = list(map(str, command))
    finished = subprocess.run(words, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


# The third asks throughout, as the prompts of finetune.py do.
KINDS = {
    "Llama, LC-Rec": ("Llama", "lc-rec", TEMPLATES["lc-rec"]),
    "Qwen2, MiniOneRec": ("Qwen2", "minionerec", TEMPLATES["minionerec"]),
    "Qwen2, plain": ("Qwen2", "lc-rec", Template(("Bought so far:{history}",), "", 7)),
}


@pytest.fixture(scope="module", params=KINDS)
def folder(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tiny_models: dict
) -> Path:
    """data, what the import made of it and of a model, and half of that."""
    architecture, layout, template = KINDS[request.param]
    folder = tmp_path_factory.mktemp(layout)
    LAYOUTS[layout](folder / "data")
    imported(tiny_models[architecture], folder / "data", template)
    # Matrices of seven bits would round inputs, and models so small notice how a tie is rounded.
    options = ("--method", "svd-llm", "--keep", 0.5, "--evaluate-users", 0)
    run(TOOL, "compress", folder / "imported", folder / "half", *options)
    return folder


def against_the_original(folder: Path, model: str) -> dict:
    """The tool's figures."""
    against = ("--against", folder / "imported", "--users", "all", "--json")
    interactions = ("--interactions", folder / "imported" / "interactions.json")
    (figures,) = json.loads(run(TOOL, "evaluate", folder / model, *against, *interactions))[
        "models"
    ]
    return figures


def test_compare_has_the_tools_figures(folder: Path) -> None:
    wanted = against_the_original(folder, "half")
    script = (sys.executable, SCRIPTS / "compare.py", folder / "half")
    answer = json.loads(run(*script, "--against", folder / "imported", "--json"))
    (given,) = answer["models"]
    for name, value in wanted["metrics"].items():
        assert given["metrics"][name]["mean"] == pytest.approx(value["mean"], abs=1e-6)
    own, tools = given["against"], wanted["against"]
    assert own["divergence"]["mean"] == pytest.approx(tools["divergence"]["mean"], rel=2e-3)
    assert own["overlap@10"]["mean"] == pytest.approx(tools["overlap@10"]["mean"], abs=1e-6)


def test_healing_brings_it_closer_to_its_original(folder: Path) -> None:
    models = ("--original", folder / "imported", "--halved", folder / "half", "--threads", 1)
    options = ("--epochs", 6, "--batch-size", 4, "--validation-users", 0, "--learning-rate", 2e-3)
    script = (sys.executable, SCRIPTS / "heal.py", *models)
    run(*script, "--output", folder / "healed", *options)
    before, after = (against_the_original(folder, model) for model in ("half", "healed"))
    divergences = [figures["against"]["divergence"]["mean"] for figures in (before, after)]
    assert divergences[1] < 0.8 * divergences[0]
