"""The doors for people: pages, forms and the files they are drawn with."""
