"""Words in the language of the reader: locales, formats, and labels for every code and state.

Read `locale` first. `formats` writes numbers and moments, `labels` has the words of codes, and
`problems` those of problems; `app` binds Babel to the application. Imports the core, `monitoring`,
`importing`, `settings`, `models` and `extensions`.
"""
