"""Requests to the apps themselves: which addresses may be requested, and how a page is read.

Read `addresses` first: the rule that every connection obeys. `own_site` is what else is never
requested. `names` resolves, `connection` sends one request to an address that was judged,
`requests` follows redirects. `page` reads title and icons, `encodings` what it says of its letters,
`naming` makes a name of a title, `proposal` puts it all together. Imports no other room.
"""
