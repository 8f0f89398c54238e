"""A tiny shop's order log and catalogue, as its owner has them."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

PRODUCTS, CUSTOMERS = 40, 50


def write_table(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def write_shop(folder: Path) -> None:
    """orders.csv, not in order of time, and my-shop/shop.item.csv."""
    random = np.random.default_rng(7)
    orders = []
    for customer in range(CUSTOMERS):
        day = datetime(2026, 1, 1, 9, 30) + timedelta(days=int(random.integers(200)))
        start, length = random.integers(PRODUCTS), random.integers(2, 10)
        for number, step in enumerate(np.cumsum(random.integers(1, 3, length))):
            product, when = (start + step) % PRODUCTS, day + timedelta(days=number)
            orders.append(
                {"ordered_at": when, "customer": f"c{customer}", "product": f"p{product}"}
            )
    random.shuffle(orders)
    write_table(folder / "orders.csv", orders)
    products = [
        {"item_id": f"p{n}", "title": f"Tea, no. {n}", "category": "Drinks", "url": f"/tea/{n}"}
        for n in range(PRODUCTS)
    ]
    write_table(folder / "my-shop/shop.item.csv", products)
