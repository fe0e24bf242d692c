"""`python -m tests.deploy.enforcing_moto`: moto as it is, in a process of its own, ready to enforce IAM.

Prints {"url": …} when it listens; ends with its standard input. Nothing of moto is patched. Until `enforce` is called
every key may do everything, which is how the first administrator gets in.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import urllib.request


def main() -> None:
    """Serve until standard input ends."""
    os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # read by moto on import; saves a second
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415  # after the variable
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server  # noqa: PLC0415  # the test that starts us does not serve

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}), flush=True)  # noqa: T201  # the contract
    while os.read(sys.stdin.fileno(), 4096):
        pass
    server.shutdown()


def enforce(url: str) -> None:
    """Let no call through any more that no policy allows."""
    request = urllib.request.Request(  # noqa: S310  # http on loopback
        f"{url}/moto-api/reset-auth", data=b"0", method="POST", headers={"Content-Type": "text/plain"}
    )
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310  # the same
        pass


if __name__ == "__main__":
    main()
