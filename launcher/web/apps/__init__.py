"""Apps: the proposal of a name and an icon for a URL.

`proposals` makes a proposal for the form of an app, `proposal_words` has its words, `propose` sends
one to a script.
"""

from launcher.web.apps import propose
from launcher.web.apps.blueprint import blueprint

__all__ = ["blueprint", "propose"]
