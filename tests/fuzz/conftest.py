from tests.attacks.conftest import shared_harness

__all__ = ["shared_harness"]
