"""A stand-in for `vllm serve`.

The same words on the command line, /health and both completions pages, nothing of a model.

Options of its own: --wait SECONDS before it listens, --fail to end at once, --stubborn to ignore
SIGTERM, --child to start one process more, whose number it prints with its own. A prompt is
answered with its length; after --die N answers it kills itself.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

words = sys.argv[1:]
given = {
    word: value
    for word, value in zip(words, [*words[1:], ""], strict=True)
    if word.startswith("--")
}
answered, lock = [], threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.say({"status": "ok"}, 200 if self.path == "/health" else 404)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with lock:
            answered.append(body)
            if len(answered) > int(given.get("--die", "1000000")):
                os._exit(1)
        plain = self.path == "/v1/completions"
        text = (
            f" {len(body['prompt'] if plain else body['messages'][-1]['content'])} "
            f"{body.get('seed', '')}"
        )
        said = {"text": text} if plain else {"message": {"role": "assistant", "content": text}}
        choice = said | {
            "finish_reason": "length" if body["max_tokens"] < 2 else "stop",
            "index": 0,
        }
        self.say(
            {
                "choices": [choice],
                "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
                "model": body["model"],
            }
        )

    def say(self, payload, status=200):
        raw = json.dumps(payload).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    print(
        "stand-in server:",
        *words,
        "key" if "OPENAI_API_KEY" in os.environ else "no key",
        flush=True,
    )
    if "--fail" in given:
        sys.exit("CUDA out of memory, or so")
    if "--stubborn" in given:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "--child" in given:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        print("child", child.pid, "of", os.getpid(), flush=True)
    time.sleep(float(given.get("--wait", "0")))
    ThreadingHTTPServer((given["--host"], int(given["--port"])), Handler).serve_forever()
