"""The audit log and the backup history. Read `page` first; `words` has its sentences."""
