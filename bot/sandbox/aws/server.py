"""Builds the far end: patched moto behind the gateway, on a threaded server."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from typing import Any


def build_server(*, seed: int | None, latency_ms: int, denied: tuple[str, ...], port: int = 0) -> Any:
    """Return a server, listening on 127.0.0.1 and not yet serving; `server_port` says where.

    Patches moto in this process: call it only in a process of its own.
    """
    os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # read by moto alone; saves a second
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")

    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app  # noqa: I001, PLC0415  # after the variables
    from werkzeug.serving import make_server  # noqa: PLC0415  # the same

    from bot.sandbox.aws.control import Control  # noqa: PLC0415  # the same
    from bot.sandbox.aws.ec2_interfaces import install_interfaces  # noqa: PLC0415  # the same
    from bot.sandbox.aws.ec2_network_acls import install_network_acls  # noqa: PLC0415  # the same
    from bot.sandbox.aws.ec2_paging import install_paging  # noqa: PLC0415  # the same
    from bot.sandbox.aws.ec2_security_groups import install_security_groups  # noqa: PLC0415  # the same
    from bot.sandbox.aws.gateway import Gateway  # noqa: PLC0415  # the same

    install_security_groups()
    install_network_acls()
    install_interfaces()
    install_paging()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    gateway = Gateway(_raising(DomainDispatcherApplication(create_backend_app)), control=Control(), seed=seed)
    gateway.reset()
    gateway.control.latency_ms, gateway.control.denied = latency_ms, denied
    return make_server("127.0.0.1", port, gateway, threaded=True, request_handler=MotoRequestHandler)


def _raising(dispatcher: Any) -> Any:
    """Return moto's application with exceptions let through, so that the gateway can word them."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        app = dispatcher.get_application(environ)
        app.config["PROPAGATE_EXCEPTIONS"] = True
        answer: Iterable[bytes] = app(environ, start_response)
        return answer

    return application
