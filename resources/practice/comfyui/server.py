"""A few of ComfyUI's HTTP requests, from what the standard library has."""

import json
import os
import shutil
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import folder_paths
import nodes
from comfy.cli_args import args
from comfyui_version import __version__

_PAGE = b"""<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>ComfyUI look-alike</title></head><body>
<h1>This is the practice instance of VastDesk</h1>
<p>On a rented machine ComfyUI would open here. This look-alike loads custom nodes, and makes no pictures.</p>
</body></html>"""


class _Routes:
    """Custom nodes add routes when they are imported; they are noted, and not served."""

    def __init__(self):
        self.added = []

    def _note(self, path):
        def keep(handler):
            self.added.append((path, handler))
            return handler

        return keep

    get = post = put = delete = patch = _note


class PromptServer:
    instance = None

    def __init__(self):
        PromptServer.instance = self
        self.routes = _Routes()

    def send_sync(self, event, data, sid=None):
        """Nobody listens."""


def system_stats():
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (ValueError, OSError):
        total = free = 0
    return {
        "system": {
            "os": os.name,
            "ram_total": total,
            "ram_free": free,
            "comfyui_version": __version__,
            "python_version": sys.version,
            "pytorch_version": "none",
            "embedded_python": False,
            "argv": sys.argv,
        },
        "devices": [
            {"name": "cpu", "type": "cpu", "index": None, "vram_total": total, "vram_free": free,
             "torch_vram_total": total, "torch_vram_free": free}
        ],
    }  # fmt: skip


def object_info():
    info = {}
    for name, node in nodes.NODE_CLASS_MAPPINGS.items():
        info[name] = {
            "input": node.INPUT_TYPES() if hasattr(node, "INPUT_TYPES") else {},
            "output": list(getattr(node, "RETURN_TYPES", ())),
            "name": name,
            "display_name": nodes.NODE_DISPLAY_NAME_MAPPINGS.get(name, name),
            "python_module": getattr(node, "RELATIVE_PYTHON_MODULE", "nodes"),
            "category": getattr(node, "CATEGORY", "sd"),
            "output_node": bool(getattr(node, "OUTPUT_NODE", False)),
        }
    return info


_ANSWERS = {
    "/system_stats": system_stats,
    "/prompt": lambda: {"exec_info": {"queue_remaining": 0}},
    "/queue": lambda: {"queue_running": [], "queue_pending": []},
    "/history": dict,
    "/object_info": object_info,
    "/models": lambda: [name for name in folder_paths.folder_names_and_paths if name != "custom_nodes"],
    "/internal/folder_paths": lambda: {k: v[0] for k, v in folder_paths.folder_names_and_paths.items()},
    "/extensions": list,
    "/embeddings": list,
}


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, format, *values):
        pass

    def _send(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _json(self, status, value):
        self._send(status, "application/json; charset=utf-8", json.dumps(value, default=str).encode())

    def do_GET(self):
        path = self.path.partition("?")[0]
        path = path[4:] if path.startswith("/api/") else path
        if path == "/":
            self._send(200, "text/html", _PAGE)
        elif path in _ANSWERS:
            self._json(200, _ANSWERS[path]())
        elif path.startswith("/history/"):
            self._json(200, {})
        else:
            self._send(404, "text/plain; charset=utf-8", b"404: Not Found")

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.partition("?")[0] not in ("/prompt", "/api/prompt"):
            self._json(200, {})
            return
        error = {"type": "practice_instance", "message": "The practice instance makes no pictures", "details": ""}
        self._json(400, {"error": {**error, "extra_info": {}}, "node_errors": {}})


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def server_close(self):
        super().server_close()
        shutil.rmtree(folder_paths.get_temp_directory(), ignore_errors=True)


def make():
    return _Server((args.listen.split(",")[0], args.port), _Handler)
