"""What a params file of others decides on this machine.

Shown before it acts, and let through only where the user names it too.

A params file came from others if it lies in a run folder, where the runner or `bundle take` put it,
or carries the mark that `bundle take` writes into it (`from_others:`), which goes with it wherever
it is copied. Of such a file no server is asked without `--allow-server HOST`, and no program is
started and no place outside the run is written to that the user did not name with `--set`.
"""

import os
from collections.abc import Iterator, Sequence

from . import params
from .params import Job, ParamsError, Plan

KEY = "OPENAI_API_KEY"
# programs that start, places that are written to
OUTSIDE = ("command", "launcher", "ledger", "arms_in")
SHOWN = ("server", "teacher_model", "base", "bases", "embedding", "engine")
SHOWN += ("sources", "files", "benchmarks", *OUTSIDE)


def servers(parameters: dict) -> dict[str, str]:
    """The servers that a step with these parameters asks.

    Host (with its port, where one is given) -> address.
    """
    if parameters.get("replay_only"):
        return {}
    named = [text for text in _texts(list(parameters.values())) if "://" in text]
    server = parameters.get("server")
    named += [server] if isinstance(server, str) and server not in ("", "offline", *named) else []
    return {_host(text): text for text in named}


def _texts(value) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def _host(address: str) -> str:
    """Where the client would connect to, as itself reads an address.

    All of the address where it cannot be read.
    """
    import httpx2

    try:
        url = httpx2.URL(address)
    except (ValueError, TypeError, httpx2.InvalidURL):
        return address
    return (f"{url.host}:{url.port}" if url.port else url.host).lower() or address


def allowed(host: str, named: Sequence[str]) -> bool:
    """Whether a host is among those that the user named, each as host, host:port or address.

    A host alone stands for all its ports.
    """
    known = {_host(name) if "://" in name else name.lower() for name in named}
    alone, _, port = host.rpartition(":")
    return host in known or port.isdigit() and alone != "" and alone in known


def named(steps: dict[str, dict]) -> list[str]:
    """What steps with these parameters reach outside of their run, a line each.

    What the notebooks have by default is left out.
    """
    lines = []
    for step, parameters in steps.items():
        usual = params.defaults(step)
        for key, value in parameters.items():
            reaches = key in SHOWN or any("://" in text for text in _texts(value))
            if reaches and value and value != usual.get(key):
                lines.append(f"{step}.{key} = {value!r}")
    return lines


def check(plan: Plan, jobs: Sequence[Job], hosts: Sequence[str]) -> None:
    """Let jobs of a plan run, if it is the user's own or the user named what it reaches.

    Raises:  ParamsError with all that is not named.

    hosts: the servers that may be asked.
    """
    if not plan.others:
        return
    problems = []
    for job in jobs:
        for host, address in servers(job.parameters).items():
            if not allowed(host, hosts):
                problems.append(
                    f"{job.id} asks {address}, and {KEY} would go there: if you want that, add "
                    f"--allow-server {host}"
                )
        for key in OUTSIDE:
            if job.parameters.get(key) and f"{job.id}.{key}" not in plan.named:
                value = job.parameters[key]
                problems.append(
                    f"{job.id}.{key} is {value!r}: if you want that, say it yourself with --set "
                    f"{job.id}.{key}={value}"
                )
    if problems:
        listed = "\n  - ".join(problems)
        raise ParamsError(
            f"{plan.source} counts as others' work, since {plan.others}; nothing was run.\n"
            f"  - {listed}"
        )


def tell(plan: Plan, echo) -> None:
    """Say what a plan of others reaches outside of its run; nothing of one's own."""
    for line in named({job.id: job.parameters for job in plan.jobs}) if plan.others else ():
        echo(f"from others: {line}")


def asked(plan: Plan) -> list[str]:
    """Which servers a plan asks, and which key goes there, a line each."""
    asks: dict[str, list[str]] = {}
    for job in plan.jobs:
        for address in servers(job.parameters).values():
            asks.setdefault(address, []).append(job.id)
    key = "is set" if os.environ.get(KEY, "").strip() else "is not set"
    if not asks:
        return ["No server is asked, so no key goes anywhere."]
    return [
        (
            f"Asked would be {address} (host {_host(address)}, by {', '.join(steps)}); the key in "
            f"{KEY}, which {key}, goes there."
        )
        for address, steps in asks.items()
    ]
