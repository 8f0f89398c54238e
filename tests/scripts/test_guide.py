"""The commands of docs/bring-your-own-model.md; its page is opened by a spec in tests/browser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from guide import ROOT, SERVER, blocks, make_workspace, run_commands
from halfling_import.prompt_template import TEMPLATES

TOOL = ROOT / "build/native/compressor/halfling"


@pytest.mark.skipif(not TOOL.is_file(), reason=f"{TOOL} is not built")
def test_every_command_runs_and_does_what_the_guide_says(tmp_path: Path) -> None:
    make_workspace(tmp_path)
    imported, _, prompts, halved, small, evaluated, healed, looked, _ = run_commands(tmp_path)
    assert "wrote build/checkpoints/shop: LlamaForCausalLM, 40 items" in imported
    assert "build/checkpoints/shop-plain" in prompts
    assert "build/models/shop: halfling, keep 0.5, int8" in halved
    assert "build/models/shop-small: halfling" in small
    assert "change" in evaluated and "KL" in evaluated
    assert "wrote build/models/shop-healed" in healed
    assert "String set" in looked
    assert (tmp_path / "shop-report.html").is_file()

    manifest = json.loads((tmp_path / "build/site/model/manifest.json").read_text())
    assert {file["path"] for file in manifest["files"]} >= {"catalog.json"}
    assert (tmp_path / "build/site/halfling").is_dir()


def test_the_guide_names_all_templates_and_ends_in_five_lines() -> None:
    text = (ROOT / "docs/bring-your-own-model.md").read_text("utf-8")
    assert all(f"`{name}`" in text for name in TEMPLATES)
    assert blocks("sh")[-1].startswith(SERVER)
    (page,) = blocks("html")
    script = page.split('<script type="module">')[1].split("</script>")[0]
    assert len([line for line in script.splitlines() if line.strip()]) == 5
    assert "bring-your-own-model.md" in (ROOT / "README.md").read_text("utf-8")
