"""The apps of the catalogue as a list, several changed at once, and their tags.

Read `page` first, the list. `asked` is its query string, `selected` the changes of several apps,
`tags` the page of tags.
"""

from launcher.web.admin.apps import page, selected, tags
from launcher.web.admin.apps.blueprint import blueprint

__all__ = ["blueprint", "page", "selected", "tags"]
