"""The pages of the audit log and of all operations. Read `page` first; `words` has sentences."""
