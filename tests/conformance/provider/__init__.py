"""One suite that every provider passes: one file per behaviour.

A provider hooks in with a file of its own in ../providers: a subclass of `HttpProviderSuite` that says how to make it,
what its service answers when it accepts, and what each of its refusals means. A provider that does not speak HTTP
subclasses `ProviderSuite` with a `Backend` of its own (see ../providers/test_smtp.py).
"""

from __future__ import annotations

from tests.conformance.provider.backend import Backend, Refusal
from tests.conformance.provider.making import message
from tests.conformance.provider.suite import HttpProviderSuite, ProviderSuite

__all__ = ["Backend", "HttpProviderSuite", "ProviderSuite", "Refusal", "message"]
