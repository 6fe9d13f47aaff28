"""The program of a process that draws one chart: Vega-Lite as JSON on standard input, the picture on standard output.

``python -m colloquy.api.charts.worker png|svg``
"""

from __future__ import annotations

import sys

import vl_convert

from colloquy.agents.data.workers.memory_limits import end_when_above

MOST_MIB = 1024
PIXELS = 2
"""Pixels of a PNG for each unit of the chart, so that it is sharp in print."""


def main() -> None:
    """Draw the chart."""
    end_when_above(MOST_MIB)
    spec = sys.stdin.buffer.read().decode()
    if sys.argv[1] == "png":
        picture = vl_convert.vegalite_to_png(spec, scale=PIXELS, allowed_base_urls=[])
    else:
        picture = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]).encode()
    sys.stdout.buffer.write(picture)


if __name__ == "__main__":
    main()
