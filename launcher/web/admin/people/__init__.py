"""The pages of the user accounts. Read `users` first."""
