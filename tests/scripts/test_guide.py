"""The commands of the guides in docs/; the first one's page is opened by a spec in tests/browser."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from guide import OWN_MODEL, OWN_SHOP, ROOT, SERVER
from halfling_import.prompt_template import TEMPLATES
from shop_example import PRODUCTS

TOOL = ROOT / "build/native/compressor/halfling"
needs_tool = pytest.mark.skipif(not TOOL.is_file(), reason=f"{TOOL} is not built")


@needs_tool
def test_every_command_runs_and_does_what_the_guide_says(tmp_path: Path) -> None:
    OWN_MODEL.make_workspace(tmp_path)
    imported, _, prompts, halved, small, evaluated, healed, looked, _ = OWN_MODEL.run_commands(
        tmp_path
    )
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
    assert all(f"`{name}`" in OWN_MODEL.text for name in TEMPLATES)
    assert OWN_MODEL.blocks("sh")[-1].startswith(SERVER)
    (page,) = OWN_MODEL.blocks("html")
    script = page.split('<script type="module">')[1].split("</script>")[0]
    assert len([line for line in script.splitlines() if line.strip()]) == 5
    assert "bring-your-own-model.md" in (ROOT / "README.md").read_text("utf-8")


@needs_tool
def test_an_order_log_becomes_a_model_for_the_page(tmp_path: Path) -> None:
    assert all(options in OWN_SHOP.text for options in OWN_SHOP.shortened)
    OWN_SHOP.make_workspace(tmp_path)
    _, codes, trained, compared, halved = OWN_SHOP.run_commands(tmp_path)
    assert '"collisions": 0' in codes
    assert "NDCG@10" in trained
    rows = [line.split(",")[0] for line in compared.splitlines() if "strict" in line]
    assert rows == ["popularity", "item-kNN", "shop"]
    assert "build/models/shop: halfling, keep 0.5, int8" in halved
    assert "change" in halved and "KL" in halved
    # Both rank for the same users, who have three events or more.
    history = json.loads((tmp_path / "build/training/shop/interactions.json").read_text())
    assert f"build/training/shop, test, {len(history)} users" in compared
    assert f"{len(history)} users of the test split" in halved

    catalogue = json.loads((tmp_path / "build/models/shop/catalog.json").read_text())
    assert len(catalogue["items"]) == PRODUCTS
    first = {name: catalogue["items"][0][name] for name in ("id", "title", "url")}
    assert first == {"id": "p0", "title": "Tea, no. 0", "url": "/tea/0"}


def test_examples_name_the_python_that_has_the_packages() -> None:
    scripts = ROOT / "scripts"
    texts = [path.read_text("utf-8") for path in (*scripts.glob("*.py"), *scripts.glob("import-*"))]
    examples = re.findall(r"^ *(.*?)scripts/[a-z_-]+.*", "\n".join(texts), re.MULTILINE)
    bare = [line for line in examples if line == ""]
    assert len(examples) > 20 and bare == []


def test_the_guides_name_each_other() -> None:
    assert OWN_SHOP.page.name in OWN_MODEL.text and OWN_MODEL.page.name in OWN_SHOP.text
    assert OWN_SHOP.page.name in (ROOT / "docs/training.md").read_text("utf-8")
