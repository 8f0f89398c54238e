"""An imported model ranks as its logits in transformers say."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import torch
import transformers
from conftest import SCRIPTS
from halfling_import.prompt_template import TEMPLATES
from lcrec_example import LAYOUTS, description, imported, prompt_of, user_items

TOOL = SCRIPTS.parent / "build/native/compressor/halfling"
pytestmark = pytest.mark.skipif(not TOOL.is_file(), reason=f"{TOOL} is not built")


def brute_force(checkpoint: Path, history: list[int]) -> torch.Tensor:
    """Every item's score as ARCHITECTURE.md defines it, from the logits of transformers."""
    described = description(checkpoint)
    model = transformers.AutoModelForCausalLM.from_pretrained(checkpoint).float().eval()
    codes = [tuple(item["tokens"]) for item in described["items"]]
    prompt = prompt_of(described, history[-described["max_history"] :])
    with torch.no_grad():
        logits = model(torch.tensor([[*prompt, *code] for code in codes])).logits
    scores = torch.zeros(len(codes), dtype=torch.float64)
    for item, code in enumerate(codes):
        for level, token in enumerate(code):
            allowed = sorted({other[level] for other in codes if other[:level] == code[:level]})
            row = logits[item, len(prompt) - 1 + level].double()
            scores[item] += row[token] - row[allowed].logsumexp(0)
    return scores


def ranked(checkpoint: Path, history: list[int], seen: set[int]) -> list[tuple[int, float]]:
    scores, items = brute_force(checkpoint, history), description(checkpoint)["items"]

    def order(item: int) -> tuple[float, int, int]:
        shared = min(i for i, other in enumerate(items) if other["tokens"] == items[item]["tokens"])
        return -scores[shared].item(), -items[item]["popularity"], item

    return [(i, scores[i].item()) for i in sorted(range(len(items)), key=order) if i not in seen]


def halfling(*arguments: str | Path) -> dict:
    command = [TOOL, *map(str, arguments), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.fixture(scope="module", params=(("Llama", "lc-rec"), ("Qwen2", "minionerec")), ids="-".join)
def compressed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tiny_models: dict
) -> tuple[Path, Path]:
    """An import, and the model directory of the same weights."""
    architecture, layout = request.param
    folder = tmp_path_factory.mktemp(layout)
    LAYOUTS[layout](folder / "data")
    checkpoint = imported(tiny_models[architecture], folder / "data", TEMPLATES[layout])
    unchanged = ("--method", "none", "--dtype", "f32", "--evaluate-users", "0")
    halfling("compress", checkpoint, folder / "model", *unchanged)
    return checkpoint, folder / "model"


def test_recommend_ranks_as_brute_force_over_transformers_logits(
    compressed: tuple[Path, Path],
) -> None:
    checkpoint, model = compressed
    for history in ([12], [5, 0, 33], list(range(10, 23))):
        given = ("--history", ",".join(map(str, history)), "--limit", "40", "--allow-seen")
        expected = ranked(checkpoint, history, set())
        for directory in (model, checkpoint):
            answer = halfling("recommend", directory, *given)
            assert answer["exact"]
            assert [item["id"] for item in answer["items"]] == [str(i) for i, _ in expected]
            scores = [item["score"] for item in answer["items"]]
            assert scores == pytest.approx([score for _, score in expected], abs=2e-4)


def test_evaluate_counts_as_brute_force_does(compressed: tuple[Path, Path]) -> None:
    checkpoint, model = compressed
    ranks = []
    for items in user_items().values():
        history, target = items[:-1], items[-1]
        order = [item for item, _ in ranked(checkpoint, history, set(history))]
        ranks.append(order.index(target) + 1)
    given = ("--interactions", checkpoint / "interactions.json", "--search", "exact")
    (answer,) = halfling("evaluate", model, *given, "--limit", "40")["models"]
    hits = torch.tensor(ranks) <= 10
    gains = 1 / torch.log2(torch.tensor(ranks) + 1.0)
    assert answer["metrics"]["hr@10"]["mean"] == pytest.approx(hits.float().mean().item())
    ndcg = (gains * hits).mean().item()
    assert answer["metrics"]["ndcg@10"]["mean"] == pytest.approx(ndcg, abs=1e-6)
