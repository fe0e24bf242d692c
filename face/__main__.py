"""Draw what a real run sent, at 900 and at 400 px, and what it printed: `python -m face docs/pictures`."""

from __future__ import annotations

import sys
from pathlib import Path

from face.chromium import draw, heights
from face.page import page, picture_screen, screen
from face.real_run import run, shared_picture
from face.terminal import printed, svg

WIDTHS = (900, 400)


def main(folder: Path) -> None:
    """Write the pictures, and print how high each is."""
    folder.mkdir(parents=True, exist_ok=True)
    shown = run()
    drawn = {
        (name, width): page([screen(messages, name=name, width=width)])
        for name, messages in shown.screens.items()
        for width in WIDTHS
    }
    shared = shared_picture()
    drawn |= {("plot", width): page([picture_screen(shared, name="plot", width=width)]) for width in WIDTHS}
    for (name, width), html in drawn.items():
        height = heights(html)[name]
        draw(html, folder / f"{name}-{width}.png", width=width, height=height)
        sys.stdout.write(f"{name} at {width} px: {height} px high\n")
    (folder / "terminal.svg").write_text(svg(printed()), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
