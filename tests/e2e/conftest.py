from tests.integration.workers.conftest import world

__all__ = ["world"]
