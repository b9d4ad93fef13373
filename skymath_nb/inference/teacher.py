"""The teacher.

Requests in, replies out in the same order, through the OpenAI client and the ledger.

The offline teacher is the same client over a transport that answers from the world, so what runs
without a network is what runs on a cluster. `serve` puts that teacher behind a loopback HTTP server
for any client.
"""

from .engine import asker, complete, forecast
from .offline_server import offline_transport, serve, serving
from .request import BudgetReached, MissingReply, Reply, Request, Settings, Tally, TeacherError

__all__ = [
    "BudgetReached",
    "MissingReply",
    "Reply",
    "Request",
    "Settings",
    "Tally",
    "TeacherError",
    "asker",
    "complete",
    "forecast",
    "offline_transport",
    "serve",
    "serving",
]
