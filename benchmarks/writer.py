"""A process that writes a small row every few milliseconds and prints how long each took."""

from __future__ import annotations

import select
import sqlite3
import sys
import time

connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute("PRAGMA synchronous=NORMAL")
latencies: list[float] = []
print("begun", flush=True)
while not select.select([sys.stdin], [], [], 0.005)[0]:
    began = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE system_settings SET accent_hue = (accent_hue + 1) % 360")
    connection.execute("COMMIT")
    latencies.append(time.perf_counter() - began)
print("\n".join(f"{seconds:.6f}" for seconds in latencies))
