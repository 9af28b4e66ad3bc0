"""One suite per port; each driver passes it through a short file here."""

import pytest

# The suites are no test modules by name: ask for readable assertion failures in them.
pytest.register_assert_rewrite("tests.conformance.store", "tests.conformance.bus", "tests.conformance.provider")
