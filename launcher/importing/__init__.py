"""Files of browsers and of other dashboards, read into a draft: pure functions of bytes.

Read `draft` first: what comes out, what is left out and why, and when a file cannot be read at all.
`reading` chooses the parser: `bookmarks`, `homepage`, `homer`, `dashy`, `heimdall`, `table`.
`collector` is what all of them fill, within the limits. `text` makes text of bytes, `yaml_tree` a
tree of YAML, `urls` and `icon_names` judge the two values that every format has. Writes nothing,
requests nothing, words nothing. Imports `fetching`.
"""
