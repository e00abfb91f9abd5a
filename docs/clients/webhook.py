"""Take privacy requests as a webhook, with nothing but Python's standard library.

Run: SECRET=… PORT=8080 python webhook.py      behind whatever gives you https
"""

import hashlib
import hmac
import json
import os
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

SECRET = os.environ["SECRET"]
TOLERANCE_S = 300


def ours(header, body, now):
    """Whether a post is from rightsbus, unchanged and not an old one sent again."""
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    signed = parts.get("t", "").encode() + b"." + body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    fresh = parts.get("t", "").isdigit() and abs(now - int(parts["t"])) <= TOLERANCE_S
    return fresh and hmac.compare_digest(expected, parts.get("v1", ""))


class Hook(BaseHTTPRequestHandler):
    """Answers each post: with the reply, or with nothing, which says that it was received."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if not ours(self.headers.get("rightsbus-signature", ""), body, time.time()):
            return self.answer(401)
        message = json.loads(body)
        print(message["type"], message["handover_id"], flush=True)
        if message["type"] == "request":
            # your own work: find the person by `points`, do what `right` asks, and say how it ended
            return self.answer(200, {"type": "completed"})
        return self.answer(204)

    def answer(self, status, reply=None):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.end_headers()
        if reply:
            self.wfile.write(json.dumps(reply).encode())

    def log_message(self, *_):
        """Log no addresses."""


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Hook).serve_forever()
