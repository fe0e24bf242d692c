"""Headless Chromium: heights and pictures of a page. One process for each call; nothing is left of it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import unescape
from pathlib import Path

from PIL import Image

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
LIMIT_SECONDS = 120
LEAST_WIDTH = 500
"""A window of headless Chromium is never narrower; screens have a width of their own."""
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--force-device-scale-factor=1",
)
MEASURE = """<script>addEventListener("load", () => { const found = {};
for (const one of document.querySelectorAll(".screen")) found[one.id] = Math.ceil(one.getBoundingClientRect().height);
const out = document.createElement("pre"); out.id = "heights"; out.textContent = JSON.stringify(found);
document.body.append(out); });</script>"""
"""A line of our own page alone: nothing that was said can reach it, since all of that is escaped."""


def heights(html: str) -> Mapping[str, int]:
    """Return the height of each screen of the page in CSS pixels, by its name."""
    with _file(html.replace("</body>", f"{MEASURE}</body>")) as page:
        dom = _run("--dump-dom", "--virtual-time-budget=2000", page.as_uri())
    found = re.search(r'<pre id="heights">(.*?)</pre>', dom, re.DOTALL)
    if found is None:
        raise RuntimeError("Chromium did not measure the page")
    measured: dict[str, int] = json.loads(unescape(found[1]))
    return measured


def draw(html: str, to: Path, *, width: int, height: int) -> None:
    """Write a picture of the page's first screen, cut to its size."""
    with _file(html) as page:
        _run(f"--screenshot={to}", f"--window-size={max(width, LEAST_WIDTH)},{height + 100}", page.as_uri())
    with Image.open(to) as whole:
        whole.crop((0, 0, width, height)).convert("P", palette=Image.Palette.ADAPTIVE, colors=64).save(
            to, optimize=True
        )


@contextmanager
def _file(html: str) -> Iterator[Path]:
    """Yield a page in a file, as long as it is looked at."""
    with tempfile.TemporaryDirectory(prefix="dnsbot-page-") as folder:
        page = Path(folder) / "page.html"
        page.write_text(html)
        yield page


def _run(*arguments: str) -> str:
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        raise RuntimeError("There is no Chromium: `make pictures` installs Debian's where you are root.")
    with tempfile.TemporaryDirectory(prefix="dnsbot-chromium-") as profile:
        done = subprocess.run(  # noqa: S603  # a fixed program
            [program, *OPTIONS, f"--user-data-dir={profile}", *arguments],
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=True,
        )
    return done.stdout
