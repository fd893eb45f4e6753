"""HTTPS for token endpoints and Microsoft Graph: verified, limited in time, no redirects."""

import ssl

import httpx

from app.outbox.send_errors import TransportFault

CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 60.0  # seconds without a byte
TOKEN_TIMEOUT = 15.0  # seconds without a byte; tokens take less than one


def open_client(read_timeout: float) -> httpx.Client:
    """Return a client that waits for so many seconds without a byte.

    A redirect is an answer like another: following it would send what visitors wrote, or our
    secret, wherever it leads.
    """
    return httpx.Client(
        timeout=httpx.Timeout(read_timeout, connect=CONNECT_TIMEOUT),
        verify=ssl.create_default_context(),  # the system's certificate store, as for SMTP
        headers={"User-Agent": "frontdesk"},
    )


def describe(error: Exception) -> str:
    """Return the type and text of a network ``error``. Neither contains a header or a body."""
    return f"{type(error).__name__}: {error}"


def fault_of(error: Exception, default: TransportFault) -> TransportFault:
    """Return what a network ``error`` means: httpx reports TLS errors like lost connections."""
    return TransportFault.TLS if "SSL" in str(error) else default
