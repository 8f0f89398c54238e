"""A model fine-tuned as LC-Rec, LETTER or MiniOneRec do it, as a checkpoint directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from halfling_train.datasets import DataError
from halfling_train.source_data import SourceData, read_source_data
from halfling_train.source_files import SourceFiles

from .code_tokenizer import CodeTokenizer
from .model_files import Model, open_model, place_files
from .output_folder import check_output
from .prompt_template import Template
from .prompt_tokens import Code, PromptTokens, tokenize_prompt
from .recommender import check_length, write_recommender

MAX_PART_TOKENS = 4096  # of prefix, separator or suffix; kMaxPromptPartTokens of the compressor


@dataclass(frozen=True)
class Imported:
    model: Model
    data: SourceData
    prompt: PromptTokens


def import_checkpoint(
    checkpoint: Path, files: SourceFiles, template: Template, output: Path, placing: str
) -> Imported:
    """Writes `output`, or raises a DataError before anything is written."""
    check_output(output, checkpoint)
    model = open_model(checkpoint)
    data = read_source_data(files)
    tokenizer = CodeTokenizer(checkpoint)
    codes = tokenize_codes(tokenizer, data, files.index, checkpoint)
    prompt = tokenize_prompt(tokenizer, template, list(codes.values()))
    check_vocabulary(model, tokenizer, codes, prompt)
    check_parts(prompt)
    code_length = max(len(code.tokens) for code in codes.values())
    check_length(model, prompt, template.max_history, code_length, "--max-history")
    place_files(model, output, placing)
    items = describe(data, codes)
    write_recommender(output, prompt, template.max_history, items, data.users)
    return Imported(model, data, prompt)


def tokenize_codes(
    tokenizer: CodeTokenizer, data: SourceData, index: Path, checkpoint: Path
) -> dict[str, Code]:
    words = {word for code in data.codes.values() for word in code}
    unknown = {word for word in words if tokenizer.id_of(word) is None}
    codes = {}
    for item, code in data.codes.items():
        missing = [word for word in code if word in unknown]
        if missing:
            raise DataError(
                f"{index}: item {item}: {missing[0]} is no token of {checkpoint}; expected all "
                f"{len(words)} words of the codes among its tokens, {len(unknown)} are missing. "
                "Is this the tokenizer that was saved after its tokens were added?"
            )
        codes[item] = Code("".join(code), tuple(tokenizer.id_of(word) for word in code))
    return codes


def check_vocabulary(
    model: Model, tokenizer: CodeTokenizer, codes: dict[str, Code], prompt: PromptTokens
) -> None:
    used = {*prompt.prefix, *prompt.separator, *prompt.suffix}
    used.update(token for code in codes.values() for token in code.tokens)
    last = max(used)
    text = tokenizer.text_of([last])
    for where, rows in (
        ("config.json: vocab_size", model.vocab_size),
        ("the embedding's rows", model.embedding_rows),
    ):
        if rows <= last:
            raise DataError(
                f"{model.folder}: {where}: {rows}; expected at least {last + 1}, since {text} is "
                f"token {last}. Was the embedding resized after tokens were added?"
            )


def check_parts(prompt: PromptTokens) -> None:
    for name in ("prefix", "separator", "suffix"):
        size = len(getattr(prompt, name))
        if size > MAX_PART_TOKENS:
            raise DataError(f"--template: a {name} of {size} tokens; at most {MAX_PART_TOKENS}")


def describe(data: SourceData, codes: dict[str, Code]) -> list[dict]:
    """The items of recommender.json."""
    popularity = data.popularity()
    return [
        {
            "id": item,
            "tokens": list(code.tokens),
            **data.details.get(item, {}),
            "popularity": popularity[item],
        }
        for item, code in codes.items()
    ]
