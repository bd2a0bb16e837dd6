"""Accounts: users, passwords, sessions, sign-in with pauses, and the first admin.

Read `users` first, then `sign_in` and `sessions`. A function that changes something is one
transaction with its audit entry: it commits, or raises and nothing has changed. Once there was an
active admin, there always is one. Imports `audit`, `config`, `db`, `extensions` and `models`.
"""
