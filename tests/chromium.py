"""A real headless Chromium, driven over its DevTools protocol; tornado, which brings the WebSocket, comes with
`distributed`."""

import asyncio
import base64
import json
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from tornado.websocket import WebSocketClientConnection, websocket_connect

PATH = shutil.which("chromium")


class Chromium:
    """One page of one browser. `events` are all that it reported, e.g. requests, console messages and exceptions."""

    def __init__(self, profile: Path) -> None:
        self.events: list[dict[str, Any]] = []
        self._number = 0
        self._loop = asyncio.new_event_loop()
        command = [
            str(PATH), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank",
        ]  # fmt: skip
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self._socket = self._loop.run_until_complete(self._connect(profile / "DevToolsActivePort"))
            target = self("Target.createTarget", url="about:blank")["targetId"]
            self._session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Network", "Runtime", "Log"):
                self(f"{domain}.enable")
        except BaseException:
            self._process.kill()
            raise

    _session: str | None = None

    def __call__(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol, and its result."""
        return self._loop.run_until_complete(asyncio.wait_for(self._call(method, parameters), 60))

    def open(self, address: str) -> None:
        """Load an address, anew even where only what follows its # is another than before."""
        for each in ("about:blank", address):
            loaded = self._loaded()
            self("Page.navigate", url=each)
            until = time.monotonic() + 60
            while self._loaded() == loaded:
                assert time.monotonic() < until, f"{each} did not load"
                # Events are read while a command waits for its answer.
                self("Runtime.evaluate", expression="1")
                time.sleep(0.02)

    def _loaded(self) -> int:
        return sum(event["method"] == "Page.loadEventFired" for event in self.events)

    def value(self, expression: str) -> Any:
        """What a JavaScript expression gives, awaited where it is a promise."""
        done = self("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def screen(self, width: int, height: int, dark: bool = False, touch: bool = False) -> None:
        """The size of the window in CSS pixels, and what its user prefers."""
        self(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=touch,
        )
        self("Emulation.setTouchEmulationEnabled", enabled=touch)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self, whole: bool = False) -> bytes:
        """A PNG of the window, or of the whole page."""
        return base64.b64decode(self("Page.captureScreenshot", captureBeyondViewport=whole)["data"])

    def complaints(self) -> list[str]:
        """Console errors and warnings, uncaught exceptions, and what the page's own policy blocked."""
        found = [event["params"] for event in self.events if event["method"] == "Log.entryAdded"]
        said = [each["entry"]["text"] for each in found]
        kinds = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled")
        return said + [json.dumps(event["params"]) for event in self.events if event["method"] in kinds]

    def requests(self) -> list[str]:
        """Addresses that were asked for."""
        kind = "Network.requestWillBeSent"
        return [event["params"]["request"]["url"] for event in self.events if event["method"] == kind]

    def __enter__(self) -> "Chromium":
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._socket.close()
        self._process.terminate()
        self._process.wait(30)
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _connect(self, written: Path) -> WebSocketClientConnection:
        until = time.monotonic() + 60
        while not (written.is_file() and len(written.read_text().splitlines()) == 2):
            assert self._process.poll() is None, "chromium ended at once"
            assert time.monotonic() < until, "chromium opened no port"
            await asyncio.sleep(0.05)
        port, path = written.read_text().splitlines()
        return await websocket_connect(f"ws://127.0.0.1:{port}{path}", max_message_size=1 << 28)

    async def _call(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        await self._socket.write_message(json.dumps(message))
        while True:
            received = await self._socket.read_message()
            assert received is not None, "chromium went away"
            answer = json.loads(received)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)
