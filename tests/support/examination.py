"""The check of a notebook in a process of its own."""

from __future__ import annotations

from launcher.background.examination import main

from .notebook import Notebook

if __name__ == "__main__":
    main(Notebook)
