"""The pages of copies in other places.

Read `page` first: all destinations. `form_pages` adds and edits one, with its fields in `fields`,
what was entered in `draft`, and the test beside it in `tested`. `kit_page` is the recovery kit,
`keys` and `rules` the small forms, `fetching` the way of a copy back into the list of backups.
"""
