"""What every bus and every presence does. A driver's file gives two fixtures and inherits the suites."""

from tests.conformance.bus.presence import PresenceSuite
from tests.conformance.bus.suite import BusSuite, Heard

__all__ = ["BusSuite", "Heard", "PresenceSuite"]
