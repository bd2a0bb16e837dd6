"""Icons: the sets that Launcher ships, the colour set of an admin, uploads, and the choice of one.

Read `choice` first: what an app can show. `drawn` has the symbols and brands, `search` finds among
all kinds. `uploads` reads an image from outside, within limits, `svg` judges drawings, and `store`
keeps images in the database. `rebuild` writes the shipped sets from their packages. Imports
`audit`, `background`, `db`, `extensions` and `models`.
"""
