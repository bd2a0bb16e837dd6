"""Apps from a file of another program: chosen, previewed, imported.

Read `pages` first. `kept` has the file between preview and import, `words` what is said of it.
"""
