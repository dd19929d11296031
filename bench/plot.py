# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""How the costs grow, as a picture: one panel for each work, one line for each contender.

usage: plot.py RESULTS PICTURE     reads JSON, writes a PNG; needs bench/requirements.txt
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median

import matplotlib as mpl
from shape import WORKS
from table import CONTENDERS, Table

mpl.use("Agg")

from matplotlib import pyplot as plt

PANELS = ("create-storage", "dump", "restore-empty", "restore-unchanged", "clear", "change")
SHAPES = ("100", "500", "2000", "10000")
COLOURS = {
    "fb": "#c44e52",
    "ours": "#1f4e79",
    "floor": "#6b6b6b",
    "floor-all": "#b0b0b0",
    "c": "#d9a441",
}


def main(results: str, picture: str) -> None:
    """Draw."""
    table = Table.load(Path(results))
    figure, axes = plt.subplots(2, 3, figsize=(12, 7), layout="constrained")
    for axis, work in zip(axes.flat, PANELS):
        for contender, colour in COLOURS.items():
            cells = [table.get("icount", shape, work, contender) for shape in SHAPES]
            there = [(int(it.shape), median(it.cpu)) for it in cells if it and it.cpu]
            if there:
                style = "-" if contender in ("ours", "fb") else "--"
                axis.loglog(
                    *zip(*there), f"o{style}", color=colour, label=CONTENDERS[contender], ms=4
                )
        axis.set_title(WORKS[work].title.replace("`", ""), fontsize=10)
        axis.set_xlabel("LUNs")
        axis.set_ylabel("CPU, 10⁹ instructions")
        axis.grid(visible=True, which="major", alpha=0.3)
    legend = {
        label: handle
        for axis in axes.flat
        for handle, label in zip(*axis.get_legend_handles_labels())
    }
    figure.legend(
        list(legend.values()),
        list(legend),
        loc="outside lower center",
        ncols=len(legend),
        frameon=False,
    )
    figure.savefig(picture, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
