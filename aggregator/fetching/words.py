"""What goes wrong on the way to a document, in words: exceptions of the libraries become a FetchError."""

import errno
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpcore
import httpx

from aggregator.errors import FetchError
from aggregator.fetching import rules
from aggregator.text import one_line

_OURS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.ENOENT)
"""What no socket says, but the temporary file of a document that is large; the last where there is no folder for it."""
BROKEN = (httpcore.NetworkError, httpcore.RemoteProtocolError, OSError)


@contextmanager
def in_words(place: str, redirected: bool) -> Iterator[None]:
    """Whatever the world does becomes a FetchError that begins with the URL; a bug passes.

    Where a redirect led, somebody was asked in any case.
    """
    try:
        yield
    except FetchError as error:
        asked, message = error.asked or redirected, f"{place}: {error.message}"
        raise FetchError(error.kind, message, error.retry_after, error.host, asked) from error
    except (TimeoutError, httpcore.TimeoutException) as error:
        raise rules.trouble("timeout", f"{place}: no complete answer in time") from error
    except (httpx.InvalidURL, UnicodeError) as error:  # our own URL is valid, so it is Location that is not
        raise rules.trouble("bad redirect", f"{place}: it leads to what is no URL") from error
    except httpcore.ProxyError as error:
        raise rules.trouble("proxy", f"{place}: the proxy answered {one_line(error)}") from error
    except (httpcore.ConnectError, ssl.SSLError) as error:  # the guard has its own words for TCP, so this is TLS
        what = f"{place}: no secure connection ({one_line(error) or 'the server hung up'})"
        raise rules.trouble("tls", what) from error
    except (httpcore.NetworkError, OSError) as error:
        if isinstance(error, OSError) and error.errno in _OURS:
            raise rules.trouble("disk", f"{place}: no temporary file can hold it: {error.strerror}") from error
        raise rules.trouble("reset", f"{place}: the connection broke") from error
    except httpcore.RemoteProtocolError as error:
        raise rules.trouble("bad response", f"{place}: {one_line(error)}") from error
    except httpcore.LocalProtocolError:  # its words would show the value
        raise rules.trouble("bad header", f"{place}: a header of ours cannot be sent") from None
