"""What was typed into a form that could not be saved, at one place for all forms.

`entries` says what of a form is kept and whose it is, `filling` puts entries into the form of a
page, `again` shows a form once more with all that was typed. Read `again` first. Who calls it:
`roles` when no one is signed in, `auth` after sign-in, `errors` for failures of the database, for
rights that were taken away, and for a form that is older than the session.
"""
