"""Any HTTP interface, by declared requests: a template for each, and how to read what comes back.

One request is sent per record key. Values go into templates only as JSON or percent-encoded, whatever they contain.
"""

from connectors.http.options import HttpOptions
from connectors.http.system import HttpSystem
from connectors.registry import Environment, address, options, variable
from connectors.systems import SystemMap
from connectors.web import Web

__all__ = ["HttpSystem", "open_http"]


def open_http(name: str, declared: SystemMap, environment: Environment) -> HttpSystem:
    """Open a system by its base URL; header values come from the variables that `options.headers` names.

    Raises:
        NoSuchConnector: a variable is not set, or an option is wrong.
    """
    chosen = options(name, declared, HttpOptions)
    headers = {header: variable(name, wanted, environment) for header, wanted in chosen.headers.items()}
    url = address(name, declared, environment)
    web = Web(url, timeout_s=declared.timeout_s, concurrency=declared.concurrency, headers=headers)
    return HttpSystem(name, declared, chosen, web)
