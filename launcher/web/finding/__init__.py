"""The search for apps, boards, settings and actions, as a page and as the part that a script shows.

Read `page` first. `shown` says what a result shows of what was found, `destinations` which pages
and actions a viewer can find beside the catalogue.
"""
