"""Opens pages in a headless Chromium (Qt WebEngine), and prints what they did as JSON: a process of its own.

python tests/browser.py PAGE...
"""

import json
import sys
from pathlib import Path

from PySide6.QtCore import QEventLoop, QTimer, QUrl
from PySide6.QtWebEngineCore import (
    QWebEnginePage,
    QWebEngineProfile,
    QWebEngineSettings,
    QWebEngineUrlRequestInterceptor,
)
from PySide6.QtWidgets import QApplication

TOUCH = """
for (const element of document.querySelectorAll("*"))
  for (const kind of ["pointerover", "mouseover", "mousemove", "focus", "toggle"])
    element.dispatchEvent(new MouseEvent(kind, {bubbles: true, clientX: 5, clientY: 5}));
for (const part of document.querySelectorAll("details")) part.open = true;
"""
"""What a reader's pointer would wake."""

LOOK = """JSON.stringify({
  ran: window.ran ?? null,
  title: document.title,
  drawn: document.querySelectorAll("svg.marks").length,
  frames: window.frames.length,
  links: [...document.querySelectorAll("a")].map(a => a.getAttribute("href") ?? a.getAttribute("xlink:href")),
  text: document.documentElement.textContent,
})"""


class Requests(QWebEngineUrlRequestInterceptor):
    """Keeps what a page asks for, and lets no more than files and data through."""

    def __init__(self):
        super().__init__()
        self.left = []

    def interceptRequest(self, info):  # noqa: N802 # Qt's name
        url = info.requestUrl()
        if url.scheme() not in ("file", "data", "blob"):
            self.left.append(url.toString())
            info.block(True)


def wait(milliseconds: int, connect=lambda stop: None) -> None:
    """Let the browser work until something happens, but no longer than so."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    connect(loop.quit)
    loop.exec()


def opened(path: str, profile: QWebEngineProfile, requests: Requests) -> dict:
    """Open one page, move the pointer over all of it, and return what came of it."""
    page, found = QWebEnginePage(profile), []
    page.settings().setAttribute(QWebEngineSettings.WebAttribute.LocalContentCanAccessRemoteUrls, True)
    page.javaScriptConsoleMessage = lambda *_: None
    requests.left = []
    page.load(QUrl.fromLocalFile(str(Path(path).resolve())))
    wait(60_000, page.loadFinished.connect)
    wait(1_000)
    page.runJavaScript(TOUCH)
    wait(500)
    wait(10_000, lambda stop: page.runJavaScript(LOOK, 0, lambda text: (found.append(text), stop())))
    page.deleteLater()
    return {**json.loads(found[0]), "requests": requests.left}


def main() -> None:
    """Open the pages one after the other."""
    application = QApplication([])
    profile, requests = QWebEngineProfile(), Requests()
    profile.setUrlRequestInterceptor(requests)
    print(json.dumps({path: opened(path, profile, requests) for path in sys.argv[1:]}))
    application.processEvents()


main()
