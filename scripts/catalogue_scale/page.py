"""The results as a page."""

from __future__ import annotations

from typing import Any

from recorded.markdown import table

CASES = ("exact", "exact, mask", "exact, boosts", "beam", "beam, mask", "beam, boosts")
ENGINES = {"native": "natively", "wasm": "in wasm (baseline SIMD, Node)"}

TITLE = "# Catalogues of a thousand to a million items"
INTRODUCTION = """\
`scripts/catalogue_scale.py` puts synthetic catalogues into a halved model: codes of four levels, as
skewed as the real catalogue's at the first three (each item begins as a real one and parts from it
at some level), the fourth with Zipf's frequencies. The model has not learnt the fourth level, nor
most of the codes, so its distribution over the larger catalogues is flatter than a trained model's
would be: harder for the exact search, which has to follow all that might still win, the same for a
beam. Ten items are asked for after real histories, cold, on one thread: among all items; among a
tenth of them (*mask*); with a boost from 0 to 1 for every item (*boosts*)."""

READING = """\
*Nodes run* are the tokens that the model runs beyond the prompt; *proven* is the share of the
answers that the exact search proves within the nodes that `--max-proof-nodes` of the tool allows
it for that (500 unless the page says otherwise). What it returns otherwise is no worse than a
beam's answer, but unproven. Times are medians, the least of the rounds; in brackets the 99th percentile."""


def page(results: dict[str, Any], plot: str | None) -> str:
    parts = [TITLE, summary(results), INTRODUCTION, machine(results)]
    if plot:
        parts.append(f"![Milliseconds and memory over the catalogue's size]({plot})")
    parts += ["## Loading", loading(results)]
    for engine, title in ENGINES.items():
        if engine in results["catalogues"][0]:
            parts += [
                f"## One recommendation, {title}",
                READING * (engine == "native"),
                recommending(results, engine),
            ]
    return "\n\n".join(part for part in parts if part) + "\n"


def summary(results: dict[str, Any]) -> str:
    """The two largest catalogues in wasm, where that was measured."""
    catalogues = [one for one in results["catalogues"][-2:] if "wasm" in one]
    if not catalogues:
        return ""
    largest = catalogues[-1]
    weights = megabytes(largest["native"]["file_bytes"])
    memory = megabytes(largest["wasm"]["peak_bytes"])
    return f"""\
In short, in wasm, over requests with a filter, with boosts and without:

{"".join(in_short(one) for one in catalogues)}
With {largest["items"]:,} items the weights' file is {weights}, titles not counted, and wasm's memory
{memory} at most."""


def in_short(one: dict[str, Any]) -> str:
    def over(engine: str, search: str, figure: str, factor: float = 1) -> str:
        cases = one[engine]["cases"]
        values = [factor * cases[name][figure] for name in CASES if name.startswith(search)]
        low, high = f"{min(values):.0f}", f"{max(values):.0f}"
        return low if low == high else f"{low} to {high}"

    return (
        f"- Among {one['items']:,} items the exact search takes "
        f"{over('wasm', 'exact', 'milliseconds')} ms and proves "
        f"{over('native', 'exact', 'exact_share', 100)}% of its answers; a beam (`beamWidth`)\n"
        f"  takes {over('wasm', 'beam', 'milliseconds')} ms.\n"
    )


def machine(results: dict[str, Any]) -> str:
    text = (
        f"Recorded on {results['date']}: {results['cpu']}; weights of `{results['model']}`, "
        f"{results['requests']} histories, {results['rounds']} rounds."
    )
    return text + (f" {results['note']}" if results["note"] else "")


def megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


def loading(results: dict[str, Any]) -> str:
    header = ["items", "trie nodes", "file", "native", "memory", "at most"]
    wasm = "wasm" in results["catalogues"][0]
    if wasm:
        header += ["wasm", "wasm memory, at most"]
    rows = []
    for one in results["catalogues"]:
        native = one["native"]
        row = [
            f"{one['items']:,}",
            f"{native['nodes']:,}",
            megabytes(native["file_bytes"]),
            f"{native['load_milliseconds']:.0f} ms",
            megabytes(native["loaded_bytes"]),
            megabytes(native["load_peak_bytes"]),
        ]
        if wasm:
            row += [
                f"{one['wasm']['load_milliseconds']:.0f} ms",
                megabytes(one["wasm"]["peak_bytes"]),
            ]
        rows.append(row)
    return table(header, rows).rstrip()


def recommending(results: dict[str, Any], engine: str) -> str:
    header = ["items", *CASES]
    times, nodes = [], []
    for one in results["catalogues"]:
        cases = [one[engine]["cases"][name] for name in CASES]
        items = f"{one['items']:,}"
        times.append(
            [items, *(f"{c['milliseconds']:.2f} ({c['milliseconds_p99']:.1f}) ms" for c in cases)]
        )
        nodes.append([items, *(effort(name, c) for name, c in zip(CASES, cases, strict=True))])
    text = table(header, times)
    if engine == "native":  # the same in wasm
        text += "\n" + table(["nodes run", *CASES], nodes)
    return text.rstrip()


def effort(name: str, case: dict[str, float]) -> str:
    text = f"{case['nodes_run']:.0f}"
    return text + f", {100 * case['exact_share']:.0f}% proven" * name.startswith("exact")
