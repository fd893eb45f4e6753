"""The pages as files, for a web server that gives them from disk while the site rests."""
