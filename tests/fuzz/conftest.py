from tests.attacks.conftest import shared_desk

__all__ = ["shared_desk"]
