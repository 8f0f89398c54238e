"""Text as a recommendation task: the engine's probabilities of tokens are those of transformers."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import SCRIPTS
from pretrained_example import byte_level_bpe, write_language_model
from transformers import AutoModelForCausalLM, AutoTokenizer

HALFLING = SCRIPTS.parent / "build" / "native" / "compressor" / "halfling"
needs_tool = pytest.mark.skipif(not HALFLING.exists(), reason=f"{HALFLING} is not built")
SENTENCES = [f"Line {n}: every good tool does one thing, {n} times.\n" for n in range(99)]
WINDOW = 12


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    return write_language_model(folder, byte_level_bpe(SENTENCES, ["<|end|>"], 300))


def import_text(
    model: Path,
    output: Path,
    *texts: Path,
    first: str = "<|end|>",
    window: int = WINDOW,
    share: float = 0.2,
) -> str:
    command = [sys.executable, SCRIPTS / "import-text", model, output, *texts]
    command += ["--window", window, "--first", first, "--test-share", share]
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    return result.stderr if result.returncode else ""


@pytest.fixture(scope="module")
def text(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("text")
    (folder / "a.txt").write_text("".join(SENTENCES[:60]))
    (folder / "b.txt.gz").write_bytes(gzip.compress("".join(SENTENCES[60:]).encode()))
    assert import_text(model, folder / "out", folder / "a.txt", folder / "b.txt.gz") == ""
    return folder / "out"


def read_pieces(path: Path) -> list[list[int]]:
    return [list(map(int, tokens)) for tokens in json.loads(path.read_text()).values()]


def test_the_pieces_are_the_text(model: Path, text: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(model)
    calibration, test = (read_pieces(text / name) for name in ("interactions.json", "test.json"))
    assert len(calibration) > 3 * len(test) > 0
    for piece in (*calibration, *test):
        assert len(piece) == WINDOW + 1
        decoded = tokenizer.decode(piece, clean_up_tokenization_spaces=False)
        assert decoded in "".join(SENTENCES)


def test_texts_of_one_name_are_all_there(model: Path, tmp_path: Path) -> None:
    texts = [tmp_path / folder / "a.txt" for folder in ("one", "two")]
    for text, part in zip(texts, (SENTENCES[:50], SENTENCES[50:])):
        text.parent.mkdir()
        text.write_text("".join(part))
    counts = []
    for number, names in enumerate((texts[:1], texts[1:], texts)):
        output = tmp_path / str(number)
        assert import_text(model, output, *names) == ""
        counts.append(len(read_pieces(output / "interactions.json")))
    assert counts[2] == counts[0] + counts[1]


def log_probs(model: Path, tokens: list[int]) -> torch.Tensor:
    """[tokens, vocabulary] after <|end|> and each token but the last, by transformers."""
    theirs = AutoModelForCausalLM.from_pretrained(model).float().eval()
    with torch.no_grad():
        return theirs(torch.tensor([[0, *tokens]])).logits[0, :-1].log_softmax(-1)


@needs_tool
def test_perplexity_is_that_of_transformers(model: Path, text: Path) -> None:
    losses = []
    for piece in read_pieces(text / "test.json"):
        rows = log_probs(model, piece)
        losses += [-float(rows[place, piece[place]]) for place in range(1, len(piece))]
    command = [HALFLING, "perplexity", text, "--interactions", text / "test.json", "--json"]
    printed = subprocess.run(list(map(str, command)), capture_output=True, check=True).stdout
    measured = json.loads(printed)["models"][0]
    assert measured["items"] == len(losses)
    assert measured["nats_per_item"] == pytest.approx(float(np.mean(losses)), rel=1e-5)
    assert measured["perplexity"] == pytest.approx(float(np.exp(np.mean(losses))), rel=1e-4)


@needs_tool
def test_the_most_likely_tokens_after_a_prompt_are_those_of_transformers(
    model: Path, text: Path
) -> None:
    prompt = AutoTokenizer.from_pretrained(model)("Every good tool").input_ids
    command = [HALFLING, "recommend", text, "--history", ",".join(map(str, prompt))]
    command += ["--limit", 20, "--allow-seen", "--json"]
    printed = subprocess.run(list(map(str, command)), capture_output=True, check=True).stdout
    items = json.loads(printed)["items"]
    expected = log_probs(model, [*prompt, 0])[-1]
    best = expected.topk(20)
    assert [int(item["id"]) for item in items] == best.indices.tolist()
    scores = torch.tensor([item["score"] for item in items])
    torch.testing.assert_close(scores, best.values, rtol=1e-4, atol=1e-4)


def test_what_cannot_be_read_is_refused(model: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.txt"
    short.write_text("Hello")
    assert "too short" in import_text(model, tmp_path / "out", short)
    absent = tmp_path / "absent.txt"
    assert "absent.txt: no text in UTF-8" in import_text(model, tmp_path / "out", absent)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    assert "bytes: no text in UTF-8" in import_text(model, tmp_path / "out", tmp_path / "bytes")
    assert "<s> is no token" in import_text(model, tmp_path / "out", short, first="<s>")
    assert "no such folder" in import_text(tmp_path / "absent", tmp_path / "out", short)
    assert "expected a new or empty folder" in import_text(model, tmp_path, short)
    broken = Path(shutil.copytree(model, tmp_path / "broken"))
    (broken / "tokenizer.json").write_text('{"model": 1}')
    message = import_text(broken, tmp_path / "out", short)
    assert "tokenizer.json: not a tokenizer" in message and "Traceback" not in message


def test_options_out_of_range_are_refused(model: Path, tmp_path: Path) -> None:
    text, output = tmp_path / "a.txt", tmp_path / "out"
    text.write_text("".join(SENTENCES))
    for window in (-1, 0, 10_001):
        message = import_text(model, output, text, window=window)
        assert f"--window: {window}; expected 1 to 10000" in message
    for share in (0, 1, 1.2):
        message = import_text(model, output, text, share=share)
        assert f"--test-share: expected a number above 0 and below 1, not {share}" in message
    message = import_text(model, output, text, window=256)  # and one token before them
    assert "max_position_embeddings: 256; expected at least 257" in message
    assert "--window 255 fits" in message
    assert not output.exists()
    assert import_text(model, output, text, window=255) == ""
