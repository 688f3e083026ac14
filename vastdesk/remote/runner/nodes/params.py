"""Parameters that several steps have. The desktop imports this too."""

from __future__ import annotations

from ..step import Param

PATH = Param(
    "path", "path", "ComfyUI folder", help="The folder of ComfyUI on the instance; empty: what is found there."
)
PYTHON = Param(
    "python",
    "path",
    "Python of ComfyUI",
    help="The interpreter of ComfyUI's environment, like /venv/main/bin/python; empty: what is found.",
)
INDEX = Param(
    "index_url",
    "text",
    "Package index",
    default="",
    help="Another package index than the instance's own, for mirrors; empty: what pip and uv use there.",
)
