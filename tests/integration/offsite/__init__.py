"""The adapters of destinations, each against its real service."""
