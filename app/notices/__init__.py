"""Notices: closures and other news, shown on every page from a start until an end."""
