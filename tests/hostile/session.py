"""A visitor of the dashboard without a browser: its websocket, by which pages are asked for and drawn."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

_LONGEST_SECONDS = 60
_LARGEST = 64 * 2**20
"""Bytes of a message that are still taken."""


class Session:
    """One session of a server; made by :func:`visiting`."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    def draw(self) -> bytes:
        """Asks for the first page and returns all that it is drawn from, once it is complete.

        Raises:
            ConnectionClosed: if the server ends before.
        """
        asked, drawn = BackMsg(), b""
        asked.rerun_script.query_string = ""
        self._socket.send(asked.SerializeToString())
        while True:
            message = self._socket.recv(timeout=_LONGEST_SECONDS, decode=False)
            drawn += message
            told = ForwardMsg.FromString(message)
            if (
                told.WhichOneof("type") == "script_finished"
                and told.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
            ):
                return drawn

    def draw_until_killed(self, add: Callable[[str], object], prefix: str) -> list[str]:
        """Adds run after run and draws the page after each; returns those that a page was complete after."""
        taken: list[str] = []
        while True:
            key = f"{prefix}{len(taken):05d}"
            add(key)
            try:
                self.draw()
            except ConnectionClosed:
                return taken
            taken.append(key)


@contextmanager
def visiting(port: int) -> Iterator[Session]:
    """Holds a session of a server of this machine."""
    address = f"ws://127.0.0.1:{port}/_stcore/stream"
    with connect(address, subprotocols=[Subprotocol("streamlit")], max_size=_LARGEST) as socket:
        yield Session(socket)
