"""A tiny model with a real tokenizer, and a shop's data as LC-Rec and MiniOneRec lay it out."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import torch
import transformers
from halfling_import.lcrec import import_checkpoint
from halfling_import.prompt_template import LC_REC, Template
from halfling_train.source_files import find_source_files
from pretrained_example import byte_level_bpe
from tokenizers import Tokenizer, processors

ITEMS, USERS, LEVELS, LEVEL_SIZE = 40, 30, 3, 4
SENTENCES = (
    "Below is an instruction that describes a task. Write a response that appropriately completes "
    "the request. The user has interacted with items in chronological order. ",
    "Can you predict the next possible item that the user may expect? ### Instruction: Response:\n",
    "Strings, drums and keys for the whole band, in order of what was bought before. Next, next. ",
)


def item_codes() -> dict[str, list[str]]:
    """Items 0 and 1 share a code; the words of a level are all in use."""
    random = np.random.default_rng(4)
    numbers = random.permutation(LEVEL_SIZE**LEVELS)[:ITEMS].tolist()
    codes = [[n // LEVEL_SIZE**level % LEVEL_SIZE for level in range(LEVELS)] for n in numbers]
    codes[1] = codes[0]
    return {
        str(item): [f"<{letter}_{word}>" for letter, word in zip("abc", code)]
        for item, code in enumerate(codes)
    }


WORDS = sorted({word for code in item_codes().values() for word in code})


def user_items() -> dict[str, list[int]]:
    random = np.random.default_rng(5)
    lengths = random.integers(5, 15, USERS)
    return {str(u): random.permutation(ITEMS)[:n].tolist() for u, n in enumerate(lengths)}


def train_tokenizer(bos: bool) -> Tokenizer:
    """Byte-level BPE, as Llama 3 and Qwen have it; with BOS before every text, or without."""
    tokenizer = byte_level_bpe(SENTENCES * 4, ["<s>", "</s>"], 400)
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A", special_tokens=[("<s>", 0)]
        )
    return tokenizer


def write_tokenizer(folder: Path, words: list[str], bos: bool) -> int:
    """Saves the tokenizer with `words` added, as fine-tuning does; its size."""
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=train_tokenizer(bos), bos_token="<s>" if bos else None, eos_token="</s>"
    )
    tokenizer.add_tokens(words)
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


def randomize(model: torch.nn.Module) -> None:
    """Weights that each move the logits; the default start hardly does."""
    torch.manual_seed(6)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn_like(parameter)
            if parameter.dim() == 2:
                parameter.copy_(noise / parameter.shape[1] ** 0.5)
            else:
                parameter.copy_(0.2 * noise + (0 if name.endswith("bias") else 1))


def write_model(
    folder: Path, architecture: str = "Llama", shard_bytes: str = "1GB", positions: int = 512
) -> None:
    """What transformers saves of a fine-tuned model: Qwen2 without BOS, Llama with it."""
    size = write_tokenizer(folder, WORDS, bos=architecture != "Qwen2")
    config = getattr(transformers, f"{architecture}Config")(
        vocab_size=size,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=positions,
        bos_token_id=None,
        eos_token_id=1,
    )
    model = getattr(transformers, f"{architecture}ForCausalLM")(config)
    randomize(model)
    model.save_pretrained(folder, max_shard_size=shard_bytes)


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def write_items(folder: Path, name: str) -> None:
    write_json(folder / f"{name}.index.json", item_codes())
    details = {
        item: {
            "title": f"String set &ndash; no. {item}",
            "description": "['made up']",
            "brand": "none",
            "image": f"/covers/{item}.webp",
            "categories": "Musical Instruments,Strings,Sets" if int(item) % 2 else "",
        }
        for item in item_codes()
    }
    write_json(folder / f"{name}.item.json", details)


def write_lcrec_data(folder: Path, name: str = "Shop") -> None:
    write_items(folder, name)
    write_json(folder / f"{name}.inter.json", user_items())


def write_minionerec_data(folder: Path, name: str = "Shop") -> None:
    """Its rows: each target with the last ten items before it, split by time."""
    write_items(folder / "index", name)
    codes = item_codes()
    rows: dict[str, list[dict]] = {"train": [], "valid": [], "test": []}
    for user, items in user_items().items():
        for place in range(1, len(items)):
            history, target = items[max(0, place - 10) : place], items[place]
            row = {
                "user_id": f"A{user}",
                "history_item_title": [f"It's no. {item}" for item in history],
                "item_title": f"no. {target}",
                "history_item_id": history,
                "item_id": target,
                "history_item_sid": ["".join(codes[str(item)]) for item in history],
                "item_sid": "".join(codes[str(target)]),
            }
            after = len(items) - place
            rows["test" if after == 1 else "valid" if after == 2 else "train"].append(row)
    for split, split_rows in rows.items():
        path = folder / split / f"{name}_5_2016-10-2018-11.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, list(split_rows[0]))
            table.writeheader()
            table.writerows(split_rows)


LAYOUTS = {"lc-rec": write_lcrec_data, "minionerec": write_minionerec_data}


def imported(model: Path, data: Path, template: Template = LC_REC, placing: str = "link") -> Path:
    """The directory that the import writes, beside the data."""
    output = data.parent / "imported"
    import_checkpoint(model, find_source_files(data), template, output, placing)
    return output


def description(folder: Path) -> dict:
    return json.loads((folder / "recommender.json").read_text(encoding="utf-8"))


def prompt_of(described: dict, history: list[int]) -> list[int]:
    """As ARCHITECTURE.md puts it: prefix, the items' tokens joined by separator, suffix."""
    prompt, tokens = described["prompt"], list(described["prompt"]["prefix"])
    for number, item in enumerate(history):
        tokens += [*(prompt["separator"] if number else []), *described["items"][item]["tokens"]]
    return tokens + prompt["suffix"]
