"""The first page of administration: how backups, jobs and disks are, and which versions run."""
