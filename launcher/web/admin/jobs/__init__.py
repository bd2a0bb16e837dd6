"""The page of the scheduled jobs. Read `page` first; `words` has its sentences."""
