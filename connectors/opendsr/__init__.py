"""Another company's systems by OpenDSR 2.0 (formerly OpenGDPR): we are the controller, they are the processor.

The processor answers later: its status is asked for until the end, and a callback only makes that happen at once.
Everything it says is signed with the key of a certificate for its domain, and checked before it is read.
"""

from connectors.opendsr.options import OpenDsrOptions
from connectors.opendsr.system import OpenDsrSystem
from connectors.opendsr.trust import Trust
from connectors.registry import Environment, address, options, variable
from connectors.systems import SystemMap
from connectors.web import Web

__all__ = ["OpenDsrSystem", "open_opendsr"]


def open_opendsr(name: str, declared: SystemMap, environment: Environment) -> OpenDsrSystem:
    """Open a processor by its base URL, which ends in the major version (`https://opendsr.vendor.example/v2`).

    Raises:
        NoSuchConnector: a variable is not set, an option is wrong, or a certificate file cannot be read.
    """
    chosen = options(name, declared, OpenDsrOptions)
    headers = {header: variable(name, wanted, environment) for header, wanted in chosen.headers.items()}
    url = address(name, declared, environment)
    web = Web(url, timeout_s=declared.timeout_s, concurrency=declared.concurrency, headers=headers)
    authorities = variable(name, chosen.authorities, environment) if chosen.authorities else None
    return OpenDsrSystem(name, declared, chosen, web, Trust.of(name, chosen.domain, authorities))
