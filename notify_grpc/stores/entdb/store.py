"""The EntDB store over all its storage tenants."""

from __future__ import annotations

import re
from collections.abc import Sequence

from notify_grpc.domain.clock import Clock
from notify_grpc.domain.errors import FailedPrecondition
from notify_grpc.stores.entdb.connection import Endpoint
from notify_grpc.stores.entdb.spread import Spread
from notify_grpc.stores.entdb.tenant_store import TenantStore

_NAME = re.compile(r"(?!__)[A-Za-z0-9_-]{1,128}")


class EntDBStore(Spread):
    """Everything in the storage tenants `tenants` of the EntDB server at `address` ("host:port").

    Each of our tenants lies in one storage tenant, by its name; EntDB applies the plans of one storage tenant one after
    the other, those of several side by side. With `tls` the server's certificate has to come from `tls_ca` (PEM), or
    without it from an authority the system trusts. `clock` is for tests: without it leases, due times and expiry go by
    the server's.
    """

    def __init__(
        self,
        address: str,
        tenants: Sequence[str],
        *,
        api_key: str = "",
        tls: bool = False,
        tls_ca: bytes | None = None,
        clock: Clock | None = None,
    ) -> None:
        if not tenants or len(set(tenants)) < len(tenants):
            raise FailedPrecondition("NOTIFY_ENTDB_TENANT_ID names no storage tenant, or one twice")
        for tenant in tenants:
            # EntDB lets other names in, and its applier then stops at them for good, for everybody.
            if not _NAME.fullmatch(tenant):
                raise FailedPrecondition("NOTIFY_ENTDB_TENANT_ID: a name has 1 to 128 letters, digits, - and _")
        endpoint = Endpoint(address, api_key, tls, tls_ca)
        super().__init__([TenantStore(endpoint, tenant, tenants, clock) for tenant in tenants])
