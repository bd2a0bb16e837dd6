"""The page of the API tokens.

Read `page` first; `form` reads the form of a new token, `words` has the words for scopes and
expiry.
"""
