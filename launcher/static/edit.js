// Editing a board; everything works without this file.
