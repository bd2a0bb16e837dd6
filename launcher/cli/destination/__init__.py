"""`flask destination`: the places that get copies of backups.

Read `add` first. `show` lists destinations and their copies, `change` changes one, `work` tests it
and copies to it.
"""

from launcher.cli.destination import (  # noqa: F401  (importing one adds its commands to the group)
    add,
    change,
    show,
    work,
)
from launcher.cli.destination.group import destination as destination
