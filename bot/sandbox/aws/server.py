"""Builds the far end: patched moto behind the gateway, on a threaded server."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

from bot.sandbox.aws.answering import Answering, WsgiApp
from bot.sandbox.aws.answers import StartResponse
from bot.sandbox.aws.clock import WorldClock
from bot.sandbox.aws.control import Control
from bot.sandbox.aws.gateway import Gateway
from bot.sandbox.aws.moto_access import MotoObject, load_models_once, work_out_once
from bot.sandbox.aws.service import load_services


def build_server(*, seed: int | None, latency_ms: int, denied: tuple[str, ...], port: int = 0) -> BaseWSGIServer:
    """Return a server, listening on 127.0.0.1 and not yet serving; `server_port` says where.

    Patches moto in this process: call it only in a process of its own.
    """
    load_models_once()
    services = load_services()
    for service in services.values():
        service.patch()
    work_out_once()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    control = Control(latency_ms=latency_ms, denied=denied)
    moto = _raising(DomainDispatcherApplication(create_backend_app))
    clock = WorldClock(control.wrote)
    answering = Answering(moto, services, clock=clock, paces=control.paces, seed=seed)
    answering.reset()
    gateway = Gateway(answering, control)
    return make_server("127.0.0.1", port, gateway, threaded=True, request_handler=MotoRequestHandler)


def _raising(dispatcher: MotoObject) -> WsgiApp:
    """Return moto's application with exceptions let through, so that the gateway can word them."""

    def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        app = dispatcher.get_application(environ)
        app.config["PROPAGATE_EXCEPTIONS"] = True
        answer: Iterable[bytes] = app(environ, start_response)
        return answer

    return application
