"""Apps: added, edited, also by two at a time, archived, duplicated and deleted.

Read `pages` first, the form as a page and as a part for a dialog. `entries` reads what was typed
and says what the form shows, `placing` where a new app goes, `returning` where a form leads back
to. `conflict` puts the entries of two editors side by side, `unsaved` keeps entries that cannot be
saved, `changes` has the buttons. `proposals` makes a proposal of name and icon for a URL,
`proposal_words` has its words, `propose` sends one to a script.
"""

from launcher.web.apps import changes, pages, propose
from launcher.web.apps.blueprint import blueprint

__all__ = ["blueprint", "changes", "pages", "propose"]
