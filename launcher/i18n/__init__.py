"""What a reader is told, in their language: locales, formats, and labels for every code and state.

The package imports the core, `settings`, `models` and `extensions`. Read `locale` first.
"""
