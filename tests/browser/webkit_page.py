"""One page of WebKit, Safari's engine, as Debian has it (WebKitGTK), with its profile in a folder.

usage: webkit_page.py PROFILE

Reads commands from stdin, a JSON object a line, and answers each with one on stdout:
  {"open": URL}                       {} when the page is loaded
  {"call": BODY, "argument": TEXT}    {"value": what the body of this async function returns}
or with {"error": TEXT}. Ends with stdin, or unanswered where the page's process dies.

WebDriver would do, but gives WebKitGTK no profile that lasts.
"""

import json
import os
import sys
import traceback

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("WebKit2", "4.1")
from gi.repository import GLib, Gtk, WebKit2  # noqa: E402


class Page:
    def __init__(self, profile: str) -> None:
        data = WebKit2.WebsiteDataManager(
            base_data_directory=f"{profile}/data", base_cache_directory=f"{profile}/cache"
        )
        self.view = WebKit2.WebView.new_with_context(
            WebKit2.WebContext.new_with_website_data_manager(data)
        )
        self.view.connect("load-changed", self._loaded)
        self.view.connect("load-failed", self._failed)
        self.view.connect("web-process-terminated", self._died)
        self.loading = False
        window = Gtk.Window(default_width=1280, default_height=900)
        window.add(self.view)
        window.show_all()

    def obey(self, command: dict) -> None:
        if "call" in command:
            argument = GLib.Variant("s", command["argument"])
            self.view.call_async_javascript_function(
                command["call"],
                -1,
                GLib.Variant("a{sv}", {"argument": argument}),
                None,
                None,
                None,
                self._called,
            )
            return
        self.loading = True
        self.view.load_uri(command["open"])

    def _loaded(self, _: WebKit2.WebView, event: WebKit2.LoadEvent) -> None:
        if event == WebKit2.LoadEvent.FINISHED and self.loading:
            self.loading = False
            answer()

    def _failed(
        self, _: WebKit2.WebView, __: WebKit2.LoadEvent, url: str, error: GLib.Error
    ) -> bool:
        if self.loading:
            self.loading = False
            answer(error=f"{url}: {error.message}")
        return True  # no page that tells of it

    def _died(self, _: WebKit2.WebView, reason: WebKit2.WebProcessTerminationReason) -> None:
        raise RuntimeError(f"the page's process has died: {reason.value_nick}")

    def _called(self, view: WebKit2.WebView, result: object) -> None:
        try:
            answer(value=view.call_async_javascript_function_finish(result).to_string())
        except GLib.Error as error:
            answer(error=error.message)


def answer(**fields: str) -> None:
    print(json.dumps(fields), flush=True)


def end(*raised: object) -> None:
    """What is raised in a callback of GTK would be printed, and its command never answered."""
    traceback.print_exception(*raised)
    os._exit(1)


def main() -> None:
    sys.excepthook = end
    page = Page(sys.argv[1])

    def read(*_: object) -> bool:
        line = sys.stdin.buffer.raw.readline()
        if not line:
            Gtk.main_quit()
            return False
        page.obey(json.loads(line))
        return True

    GLib.io_add_watch(sys.stdin.fileno(), GLib.IO_IN | GLib.IO_HUP, read)
    Gtk.main()


if __name__ == "__main__":
    main()
