"""What the teacher engine costs and what it survives.

    python tests/benchmarks/teacher.py cpu [requests] [rounds]     CPU of the client per request
    beside plain loops, in turn
    python tests/benchmarks/teacher.py kill [points] [requests]    kill -9 at random moments, rerun,
    count
    python tests/benchmarks/teacher.py rows [rows]                 a fully cached rerun over that
    many ledger rows
    python tests/benchmarks/teacher.py lookups [rows]              the price of a look-up while the
    ledger grows
    python tests/benchmarks/teacher.py instances [n]               instances by the offline teacher,
    parsed and written: time, memory

Nothing is asserted; each prints its figures. The server runs in a process of its own and answers
after 0.1 s.
"""

import asyncio
import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from skymath_nb import augmentation, prompts, world
from skymath_nb.core import schema
from skymath_nb.inference import reply_store, teacher

IN_FLIGHT, WAIT_S = 256, 0.1
SERVER = """
import asyncio, json, sys
text = "Half of the 48 clips are 24. She sold 48 + 24 = 72 clips in all. " * 12 + "The answer is 72."
said = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
usage = {"prompt_tokens": 90, "completion_tokens": 250, "total_tokens": 340}
whole = {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [said], "usage": usage}
body = json.dumps(whole).encode()
answer = b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body
served = 0
async def serve(reader, writer):
    global served
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            if head.startswith(b"GET"):
                count = str(served).encode()
                writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(count) + count)
                continue
            await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\\r\\n")[0]))
            served += 1
            await asyncio.sleep(float(sys.argv[1]))
            writer.write(answer)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


@contextmanager
def server():
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(WAIT_S)], stdout=subprocess.PIPE, text=True
    )
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.kill()
        process.wait()


def served(url):
    import urllib.request

    return int(urllib.request.urlopen(url.removesuffix("/v1") + "/served").read())


def ours(url, problems, folder, number):
    """Render, ask, keep, parse."""
    asks = [
        teacher.Request(prompts.render("solve", problem=p), "solve", max_tokens=2048)
        for p in problems
    ]
    replies = teacher.complete(
        asks,
        server=url,
        model="m",
        ledger=folder / f"{number}.sqlite",
        workers=IN_FLIGHT,
        timeout=600,
    )
    assert all(augmentation.PARSERS["solution"](reply.text) for reply in replies)


def plain(url, problems, transport=None, render=False):
    """The openai client alone.

    So many workers over one list; by default its messages are ready, and the text is dropped.
    """
    from openai import AsyncOpenAI

    ready = None if render else [prompts.render("solve", problem=p) for p in problems]
    began = time.process_time()

    async def ask():
        async with AsyncOpenAI(
            base_url=url, api_key="k", http_client=transport and transport()
        ) as client:
            queue = iter(range(len(problems)))

            async def work():
                for i in queue:
                    messages = ready[i] if ready else prompts.render("solve", problem=problems[i])
                    reply = await client.chat.completions.create(
                        model="m", messages=messages, max_tokens=2048, temperature=0.7
                    )
                    text = reply.choices[0].message.content
                    if render:
                        augmentation.PARSERS["solution"](text)

            await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))

    asyncio.run(ask())
    return time.process_time() - began


def cpu(n=1500, rounds=5):
    from openai import DefaultAioHttpClient

    problems = [f"Problem {i}: " + p.text for i, p in enumerate(world.draw(0, n))]
    with server() as url, tempfile.TemporaryDirectory() as folder:
        variants = {
            "a whole request: render, send, ledger, parse": lambda i: ours(
                url, problems, Path(folder), i
            ),
            "plain loop, openai's default client, send alone": lambda i: plain(url, problems),
            "plain loop, the same with openai's aiohttp transport": lambda i: plain(
                url, problems, DefaultAioHttpClient
            ),
        }
        spent = {name: [] for name in variants}
        for i in range(rounds + 1):  # the first round pays for imports
            for name, call in variants.items():
                began = time.process_time()
                alone = call(i)
                spent[name].append(alone or time.process_time() - began)
    base = statistics.median(spent["plain loop, openai's default client, send alone"][1:])
    print(
        f"{n} requests, {IN_FLIGHT} in flight, median of {rounds} rounds in turn, load "
        f"{os.getloadavg()[0]:.1f}"
    )
    for name, seconds in spent.items():
        middle = statistics.median(seconds[1:])
        print(f"{name:55} {1000 * middle / n:6.2f} ms of CPU a request   {middle / base:5.2f}")


ASKER = """
import sys
from skymath_nb.inference import teacher
url, book, n, workers = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
asks = [teacher.Request([{"role": "user", "content": f"question {i}"}], "solve") for i in range(n)]
replies = teacher.complete(asks, server=url, model="m", ledger=book, workers=workers)
print(len(replies), sum(bool(reply.text) for reply in replies), len({reply.key for reply in replies}))
"""


def kill(points=20, n=1500):
    worst = lost = twice = 0
    rng = random.Random(0)
    with server() as url, tempfile.TemporaryDirectory() as folder:
        for point in range(points):
            book, before = Path(folder) / f"{point}.sqlite", served(url)
            command = [sys.executable, "-c", ASKER, url, str(book), str(n), str(IN_FLIGHT)]
            first, at = subprocess.Popen(command, stdout=subprocess.DEVNULL), rng.randrange(1, n)
            while served(url) - before < at:
                time.sleep(0.002)
            time.sleep(rng.random() * WAIT_S)
            os.kill(first.pid, signal.SIGKILL)
            first.wait()
            with reply_store.Ledger(book) as opened:
                kept = opened.count()
            said = subprocess.run(
                command, stdout=subprocess.PIPE, text=True, check=True
            ).stdout.split()
            repeated = served(url) - before - n
            with reply_store.Ledger(book) as opened:
                rows = opened.count()
            lost, twice, worst = (
                lost + n - int(said[1]),
                twice + rows - int(said[2]),
                max(worst, repeated),
            )
            print(
                f"killed after {at:5} sent, {kept:5} kept; rerun: {said[1]} of {n} replies, "
                f"{rows} rows, {repeated} repeated",
                flush=True,
            )
    print(
        f"{points} kills: {lost} lost, {twice} duplicated, at most {worst} repeated with "
        f"{IN_FLIGHT} in flight"
    )


def rows(n=1_000_000):
    with tempfile.TemporaryDirectory() as folder:
        book = Path(folder) / "ledger.sqlite"
        asks = [
            teacher.Request([{"role": "user", "content": f"What is {i} + {i}?"}], "solve")
            for i in range(n)
        ]
        with reply_store.Ledger(book) as opened:
            for start in range(0, n, 10_000):
                part = asks[start : start + 10_000]
                text = "Step by step. " * 20
                opened.put_many(
                    {r.key("m"): reply_store.Record(text, "stop", 20, 60, "m", 1024) for r in part}
                )
        began, used = time.perf_counter(), time.process_time()
        replies = teacher.complete(
            asks, server="http://127.0.0.1:9/v1", model="m", ledger=book, replay=True
        )
        print(
            f"{n:,} rows ({book.stat().st_size / 2**20:.0f} MiB), fully cached rerun: "
            f"{time.perf_counter() - began:.1f} s wall, "
            f"{time.process_time() - used:.1f} s CPU, {len(replies):,} replies, peak memory "
            f"{memory():.2f} GB"
        )


def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def instances(n=100_000):
    """Instances by the offline teacher, written in blocks as they are made.

    Then again, from the ledger alone.
    """
    with tempfile.TemporaryDirectory() as folder:
        book, seeds = Path(folder) / "ledger.sqlite", world.seeds(max(300, n // 40), 0)
        for name in ("asked", "again"):
            ask = teacher.asker(
                model="offline@0.02,0.05,0.1,0.2,0.3", ledger=book, workers=IN_FLIGHT
            )
            made, began, used = [], time.perf_counter(), time.process_time()

            def told(parts, made=made, name=name, used=used):
                for part in parts:
                    made.append(len(part))
                    spent = time.process_time() - used
                    print(
                        f"{name}: {sum(made):9,} instances, {1e3 * spent / sum(made):.2f} ms of "
                        f"CPU each, {memory():.2f} GB",
                        flush=True,
                    )
                    yield part

            parts = augmentation.blocks(
                seeds, ask, n=n, mix={"metamath": 0.3, "evol": 0.5, "xwin": 0.2}, seed=0
            )
            path = schema.write(told(parts), Path(folder) / f"{name}.parquet", "instances")
            kept = int(schema.read(path, "instances")["kept"].sum())
            print(
                f"{name}: {kept:,} kept; {time.perf_counter() - began:.0f} s wall, "
                f"{time.process_time() - used:.0f} s CPU",
                flush=True,
            )


def lookups(largest=1_000_000):
    """What a look-up costs while the ledger grows."""
    with (
        tempfile.TemporaryDirectory() as folder,
        reply_store.Ledger(Path(folder) / "ledger.sqlite") as book,
    ):
        for size in (largest // 1000, largest // 100, largest // 10, largest):
            keys = [reply_store.key("m", [], {}, i) for i in range(size)]
            for start in range(book.count(), size, 10_000):
                book.put_many(
                    {
                        key: reply_store.Record("x" * 900, "stop", 1, 1, "m", 8)
                        for key in keys[start : start + 10_000]
                    }
                )
            spent = []
            for seed in range(5):
                chosen, began = (
                    random.Random(seed).sample(keys, min(1000, size)),
                    time.process_time(),
                )
                found = book.get_many(chosen)
                spent.append((time.process_time() - began) / len(found))
            print(
                f"{size:9,} rows: {1e6 * statistics.median(spent):6.1f} us of CPU a look-up",
                flush=True,
            )


if __name__ == "__main__":
    act, *numbers = sys.argv[1:] or ["cpu"]
    {"cpu": cpu, "kill": kill, "rows": rows, "lookups": lookups, "instances": instances}[act](
        *map(int, numbers)
    )
