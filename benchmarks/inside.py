"""Ask an application of this process for pages in turn; print the milliseconds of each.

python -m benchmarks.inside RUNS COOKIE [--part] PATH…

`--part` asks for the part of each page that a script shows.
"""

from __future__ import annotations

import sys
import time
from functools import partial

from benchmarks.timing import interleaved
from launcher.app import create_app

runs, cookie, *paths = sys.argv[1:]
headers = {"Cookie": cookie, "Accept-Encoding": "gzip"}
if paths[0] == "--part":
    del paths[0]
    headers["HX-Request"] = "true"
client = create_app().test_client(use_cookies=False)


def processor_s(path: str) -> float:
    began = time.process_time()
    answer = client.get(path, headers=headers)
    took_s = time.process_time() - began
    if answer.status_code != 200:
        sys.exit(f"{path} answers {answer.status_code}")
    return took_s


calls = {path: partial(processor_s, path) for path in paths}
interleaved(3, **calls)  # the first fill what a worker keeps
for path, seconds in interleaved(int(runs), **calls).items():
    print(path, seconds * 1000)
