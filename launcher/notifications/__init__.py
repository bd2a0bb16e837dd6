"""Who is notified of problems, of which, and whether the messages arrive.

Read `dispatch` first: it runs once a minute. `alerts` decides what is worth a message, `messages`
words it, `recipients` keeps the addresses and `sender` delivers in a process of its own. Imports
`monitoring`, `i18n` and what they import.
"""
