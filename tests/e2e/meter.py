"""What a page costs to open, by what the browser itself received."""

from playwright.sync_api import Page


class Meter:
    """Bytes that came over the wire, heads included, as the browser's own protocol counts."""

    def __init__(self, page: Page) -> None:
        self.kinds: dict[str, str] = {}
        self.bytes: dict[str, float] = {}
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        session.on("Network.responseReceived", self._received)
        session.on("Network.loadingFinished", self._finished)

    def _received(self, event: dict) -> None:
        self.kinds[event["requestId"]] = event["type"]

    def _finished(self, event: dict) -> None:
        self.bytes[event["requestId"]] = event["encodedDataLength"]

    def kilobytes(self, kind: str = "") -> float:
        """Of everything, or of one ``kind`` as the protocol names it (``Script``)."""
        return sum(self.by_kind().values()) if not kind else self.by_kind().get(kind, 0)

    def by_kind(self) -> dict[str, float]:
        """Kilobytes of each kind."""
        found: dict[str, float] = {}
        for name, size in self.bytes.items():
            kind = self.kinds.get(name, "Other")
            found[kind] = found.get(kind, 0) + size / 1000
        return found


def opened(page: Page, url: str) -> Meter:
    """The page at ``url``, opened until nothing more is loading."""
    meter = Meter(page)
    answer = page.goto(url, wait_until="networkidle")
    assert answer
    assert answer.status == 200
    return meter
