"""The spam filter. Suspected spam is quarantined, never rejected."""
