"""A shop's CSV files are read beside LC-Rec's JSON ones, and what is wrong with them is told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import SCRIPTS, make_dataset
from halfling_train.checkpoint import save_checkpoint
from halfling_train.datasets import DataError
from halfling_train.llama import LlamaForCausalLM
from halfling_train.llama_config import LlamaConfig
from halfling_train.named_datasets import load_files
from halfling_train.shop_tables import read_catalogue, read_log
from lcrec_example import item_codes, write_json

TOOL = SCRIPTS.parent / "build/native/compressor/halfling"
LOG = "timestamp,user_id,shop,item_id\n"
ITEMS = "url,item_id,title,category,price\n"


def log_of(folder: Path, text: str) -> Path:
    path = folder / "shop.inter.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_events_are_sorted_by_time_and_ties_stay_in_file_order(tmp_path: Path) -> None:
    rows = ["30,b,x,3", "1e1,a,x,1", "20.5,b,x,2", "30,b,x,1", "-4,b,x,9", "", '9,a,"x,\ny",7']
    log = log_of(tmp_path, "\N{BYTE ORDER MARK}" + LOG + "\r\n".join(rows))
    assert read_log(log) == {"b": ["9", "2", "3", "1"], "a": ["7", "1"]}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("1,a,x,1\n2,a,x\n", "line 3: 3 fields; expected 4, as in the header"),
        ("1,a,x,1\n\n2024-05-01,a,x,2\n", "line 4: timestamp: expected a number, .*'2024-05-01'"),
        (" 1,a,x,1\n", "line 2: timestamp: expected a number"),
        ("1_0,a,x,1\n", "line 2: timestamp: expected a number"),
        ("+1,a,x,1\n", "line 2: timestamp: expected a number"),
        ("nan,a,x,1\n", "line 2: timestamp: expected a number"),
        ("1e999,a,x,1\n", "line 2: timestamp: expected a number"),
        ('"1\n",a,x,1\n', "line 2: timestamp: expected a number"),
        ("1,,x,1\n", "line 2: user_id: expected a value"),
        ("1,a,x,\n", "line 2: item_id: expected a value"),
        ('1,a,x,1\n2,a,"x,1\n', "line 3: expected CSV"),
    ],
)
def test_a_broken_log_is_told_by_its_line(rows: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"shop\.inter\.csv: {message}"):
        read_log(log_of(tmp_path, LOG + rows))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: expected a column user_id, found nothing"),
        ("user_id,item_id,time\n", "line 1: expected a column timestamp, found user_id, item_id"),
    ],
)
def test_a_missing_column_is_named(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read_log(log_of(tmp_path, text))


def test_text_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    path = tmp_path / "shop.item.csv"
    path.write_bytes(b"item_id,title\n1,Caf\xe9\n")
    with pytest.raises(DataError, match=r"shop\.item\.csv: expected CSV in UTF-8"):
        read_catalogue(path)


def test_an_item_has_one_row(tmp_path: Path) -> None:
    path = tmp_path / "shop.item.csv"
    path.write_text("item_id,title\n1,Tea\n2,Cup\n1,Tea\n")
    with pytest.raises(DataError, match="line 4: item 1: expected one row of it"):
        read_catalogue(path)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of items i0 to i39, for the tool to evaluate."""
    folder, dataset = tmp_path_factory.mktemp("checkpoint"), make_dataset()
    config = LlamaConfig(1 + sum(dataset.level_sizes), 8, 8, 1, 2, 2)
    save_checkpoint(folder, LlamaForCausalLM(config), dataset)
    return folder


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Users a, b and c with items 0 to 39 in the log, and items 1 and 5 in the catalogue."""
    folder = tmp_path / "shop"
    folder.mkdir()
    events = [f"{n},{'abc'[n % 3]},x,{n}" for n in reversed(range(40))]
    log_of(folder, LOG + "\n".join(events))
    (folder / "shop.item.csv").write_text(
        ITEMS + '/1,1,"Tea &amp; cup, set",Drinks,9\n,5,,,\n', encoding="utf-8"
    )
    return folder


def test_a_shops_files_make_a_dataset(shop: Path) -> None:
    write_json(shop / "shop.index.json", item_codes())
    dataset = load_files(shop)
    assert dataset.items[1].title == "Tea & cup, set"
    assert (dataset.items[1].category, dataset.items[1].url) == ("Drinks", "/1")
    assert dataset.items[5].title == dataset.items[2].title == ""
    chosen = {user: row.tolist() for user, row in zip(dataset.users, dataset.sequences)}
    assert chosen == {user: list(range(n, 40, 3)) for n, user in enumerate("abc")}


def test_one_log_is_expected(shop: Path) -> None:
    write_json(shop / "shop.index.json", item_codes())
    write_json(shop / "shop.inter.json", {"a": [1, 2, 3]})
    with pytest.raises(DataError, match=r"expected one \*\.inter\.json or \*\.inter\.csv, found 2"):
        load_files(shop)


def test_a_shops_files_get_semantic_ids(shop: Path) -> None:
    index = shop / "shop.index.json"
    command = [sys.executable, SCRIPTS / "semantic_ids.py", "--dataset", "files", "--data", shop]
    command += ["--output", index, "--text-weight", "0", "--levels", "8", "8", "8"]
    subprocess.run(command, check=True)
    assert list(json.loads(index.read_text()))[:2] == ["1", "5"], "the catalogue's items first"
    assert len(load_files(shop).items) == 40


@pytest.mark.skipif(not TOOL.is_file(), reason=f"{TOOL} is not built")
@pytest.mark.parametrize(
    "time", ["7", "-7", "7.", ".5", "1e3", "1E+3", "1e", ".", "+7", " 7", "7 ", "0x7", "1_0", "inf"]
)
def test_the_tool_reads_the_same_timestamps(time: str, checkpoint: Path, tmp_path: Path) -> None:
    log = log_of(tmp_path, f"user_id,item_id,timestamp\na,i1,{time}\na,i2,8\na,i3,9\n")
    command = [str(TOOL), "evaluate", str(checkpoint), "--interactions", str(log)]
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        read_log(log)
    except DataError:
        assert done.returncode != 0 and "timestamp" in done.stderr
    else:
        assert done.returncode == 0, done.stderr
