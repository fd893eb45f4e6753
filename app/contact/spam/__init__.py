"""Spam filter: scores an inquiry; nothing is refused, suspected spam waits in quarantine."""
