"""The settings of the site: name, language, time zone, colour, guests, home
networks, fetching.

Read `page` first.
"""
