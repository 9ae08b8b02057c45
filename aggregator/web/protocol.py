"""HTTP/1.1 as uvicorn speaks it with h11, and without a traceback for what no client should send."""

from h11 import IDLE, SEND_RESPONSE
from uvicorn.protocols.http.h11_impl import H11Protocol


class Protocol(H11Protocol):
    """uvicorn answers what is no HTTP by 400 even while a request is being answered, or after it: then h11 raises, and
    anybody could fill the log."""

    def send_400_response(self, msg: str) -> None:
        """Say so where nothing was said yet, else close; what is being made for an earlier request is not wanted."""
        if self.cycle and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (IDLE, SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()
