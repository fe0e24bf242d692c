"""Builds the far end: patched moto behind the gateway, on a threaded server."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

from bot.sandbox.aws.answers import StartResponse
from bot.sandbox.aws.control import Control
from bot.sandbox.aws.ec2_interfaces import install_interfaces
from bot.sandbox.aws.ec2_network_acls import install_network_acls
from bot.sandbox.aws.ec2_paging import install_paging
from bot.sandbox.aws.ec2_security_groups import install_security_groups
from bot.sandbox.aws.gateway import Gateway, WsgiApp
from bot.sandbox.aws.moto_access import MotoObject


def build_server(*, seed: int | None, latency_ms: int, denied: tuple[str, ...], port: int = 0) -> BaseWSGIServer:
    """Return a server, listening on 127.0.0.1 and not yet serving; `server_port` says where.

    Patches moto in this process: call it only in a process of its own.
    """
    _patch_moto()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    gateway = Gateway(_raising(DomainDispatcherApplication(create_backend_app)), control=Control(), seed=seed)
    gateway.reset()
    gateway.control.latency_ms, gateway.control.denied = latency_ms, denied
    return make_server("127.0.0.1", port, gateway, threaded=True, request_handler=MotoRequestHandler)


def _patch_moto() -> None:
    install_security_groups()
    install_network_acls()
    install_interfaces()
    install_paging()


def _raising(dispatcher: MotoObject) -> WsgiApp:
    """Return moto's application with exceptions let through, so that the gateway can word them."""

    def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        app = dispatcher.get_application(environ)
        app.config["PROPAGATE_EXCEPTIONS"] = True
        answer: Iterable[bytes] = app(environ, start_response)
        return answer

    return application
