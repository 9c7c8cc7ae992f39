#!/bin/sh
# granian's RSGI names a request's header whose value holds a byte above 127, and leaves it out among the values.
#
# Guess, written down before: RFC 9110 (5.5) lets such bytes pass as opaque data, so the value comes as latin-1 text, as WSGI
# has it, or the request is refused. Seen: `name in headers` is true, `headers.get(name)` is None, `headers.get_all(name)` is
# empty, and `headers.items()` passes over it. An application that builds its request from the items believes that the header
# was not sent.
#
# What it means for our users: a repeat with such an Idempotency-Key was carried out as a new request (webapp/web/rsgi.py).
set -eu
folder=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
server=
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check granian==2.8.9
cat > "$folder/seen.py" <<'PYTHON'
class Application:
    async def __rsgi__(self, scope, protocol):
        headers = scope.headers
        seen = ("x-mark" in headers, headers.get("x-mark"), headers.get_all("x-mark"),
                [value for name, value in headers.items() if name == "x-mark"])
        protocol.response_str(200, [], repr(seen))


application = Application()
PYTHON
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cd "$folder"
venv/bin/granian --interface rsgi --host 127.0.0.1 --port "$port" --no-ws seen:application >server.log 2>&1 &
server=$!
python3 - "$port" <<'PYTHON'
import socket
import sys
import time

port = int(sys.argv[1])


def ask(value: bytes) -> str:
    for _ in range(100):
        try:
            line = socket.create_connection(("127.0.0.1", port), timeout=5)
            break
        except OSError:
            time.sleep(0.1)
    with line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Mark: " + value + b"\r\n\r\n")
        answer = b""
        while piece := line.recv(4096):
            answer += piece
    return answer.partition(b"\r\n\r\n")[2].decode()


plain, above = ask(b"mark"), ask("é".encode("latin-1"))
print("granian 2.8.9, a value in ASCII:  ", plain)
print("granian 2.8.9, one byte above 127:", above)
assert plain == "(True, 'mark', ['mark'], ['mark'])", plain
assert above == "(True, None, [], [])", above
PYTHON
