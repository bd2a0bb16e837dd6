"""The settings of the site: name, language, time zone, colour, guests, fetching.

Read `page` first.
"""
