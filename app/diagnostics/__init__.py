"""The checks of ``flask doctor`` and ``flask clinic check``."""
