"""Many sessions of the dashboard at once, as browsers hold them: one websocket each, in Streamlit's own messages.

A load asks the server for a page anew and ends with the message that its script has finished. What a browser adds,
drawing, is not in it (:mod:`benchmarks.dashboard_browser` measures that).
"""

import asyncio
import statistics
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from urllib.parse import urlencode

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

PAGES = ("", "explore", "improve", "trust", "epochs", "harmful", "studies")
"""Of the dashboard, in the order in which loads ask for them; the first, the Ceiling, is empty."""
LONGEST = 60.0
"""Seconds after which an answer is given up; it then counts as these, and as an error."""
_LARGEST = 64 * 2**20
"""Bytes of a message that are still taken."""


@dataclass
class Loads:
    """What came of some loads.

    Attributes:
        seconds: of each, from the question to the end of the script, in the order in which they ended.
        errors: what went wrong, in words.
    """

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The median, in seconds."""
        return statistics.median(self.seconds)


def load_pages(
    address: str, sessions: int, loads: int, view: dict[str, str] | None = None, every: float = 1.0
) -> Loads:
    """Holds sessions open and loads a page in one of them after the other.

    Args:
        address: of the server, ``http://...``.
        sessions: that are held.
        loads: in all; each begins ``every`` seconds after the one before, whether that has ended or not.
        view: what the address of the pages says, such as the study.
        every: seconds.
    """
    return asyncio.run(_load_pages(address, sessions, loads, view or {}, every))


async def _load_pages(address: str, sessions: int, loads: int, view: dict[str, str], every: float) -> Loads:
    came = Loads()
    async with AsyncExitStack() as stack:
        held = []
        for _ in range(sessions):
            url = f"{address.replace('http', 'ws', 1)}/_stcore/stream"
            socket = await stack.enter_async_context(
                connect(url, subprotocols=[Subprotocol("streamlit")], max_size=_LARGEST)
            )
            held.append(_Session(socket))
        began, tasks = time.monotonic(), []
        for i in range(loads):
            await asyncio.sleep(max(0.0, began + i * every - time.monotonic()))
            # Every session goes through all pages, and no two neighbours ask for the same one.
            page = PAGES[(i + i // sessions) % len(PAGES)]
            tasks.append(asyncio.create_task(held[i % sessions].load(page, view, came)))
        await asyncio.gather(*tasks)
    return came


class _Session:
    """One websocket, and who waits on it."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        # Streamlit answers a session's questions one after the other, and so are they asked.
        self._turn = asyncio.Lock()

    async def load(self, page: str, view: dict[str, str], came: Loads) -> None:
        """Loads a page and notes how long it took; waiting for the session's load before counts."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(LONGEST), self._turn:
                await self._socket.send(_question(page, view))
                told = await self._answer()
            came.errors += [f"{page or 'ceiling'}: {text}" for text in told]
        except TimeoutError:
            came.errors.append(f"{page or 'ceiling'}: no answer within {LONGEST:.0f} s")
        except WebSocketException as error:
            came.errors.append(f"{page or 'ceiling'}: {error}")
        came.seconds.append(time.monotonic() - began)

    async def _answer(self) -> Sequence[str]:
        """Reads until the script has finished, and returns the errors that the page shows."""
        told: list[str] = []
        while True:
            message = ForwardMsg.FromString(await self._socket.recv(decode=False))
            kind = message.WhichOneof("type")
            if kind == "page_not_found":
                told.append("no such page")
            elif kind == "delta":
                told += _errors_in(message.delta.new_element)
            elif kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                return told
            elif kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                return [*told, "the page's script cannot be run"]


def _errors_in(element: Element) -> list[str]:
    if element.WhichOneof("type") == "exception":
        return [element.exception.message]
    if element.WhichOneof("type") == "alert" and element.alert.format == Alert.ERROR:
        return [element.alert.body]
    return []


def _question(page: str, view: dict[str, str]) -> bytes:
    message = BackMsg()
    message.rerun_script.page_name = page
    message.rerun_script.query_string = urlencode(view)
    return bytes(message.SerializeToString())
