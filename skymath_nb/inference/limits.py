"""What holds requests back: a stop, a pace per minute, a budget in dollars."""

import asyncio
import time
from contextlib import suppress

from .request import BudgetReached


class Stopped(Exception):
    """The run ends: whoever waited gives up. The reason is with the `Stop`."""


class Stop:
    """A stop that everything which waits hears at once; the first reason stands."""

    def __init__(self):
        self.reason, self._event = None, asyncio.Event()

    def __bool__(self):
        return self._event.is_set()

    def set(self, reason: Exception):
        self.reason = self.reason or reason
        self._event.set()

    async def pause(self, seconds: float):
        """Wait so many seconds; raises Stopped as soon as the run ends."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()
        self.check()

    def check(self):
        if self:
            raise Stopped


class Pace:
    """At most so many units a minute, evenly spread: a server's own bucket then never runs dry.

    0 is no limit.
    """

    def __init__(self, per_minute: float, stop: Stop):
        self._step = 60 / per_minute if per_minute else 0.0
        self._free, self._turn, self._stop = 0.0, asyncio.Lock(), stop

    @property
    def wait(self) -> float:
        """Seconds until a turn is free."""
        return max(0.0, self._free - time.monotonic()) if self._step else 0.0

    async def take(self, units: float):
        """Wait for one's turn and use up `units`; raises Stopped."""
        if self._step:
            async with self._turn:  # first come, first served
                while (wait := self._free - time.monotonic()) > 0:
                    await self._stop.pause(wait)
                self._stop.check()
                self._free = max(self._free, time.monotonic()) + units * self._step

    def give_back(self, units: float):
        """Return units that were not needed (or, below 0, use up more)."""
        self._free -= units * self._step


class Budget:
    """Dollars that may be paid: `spent` so far, `reserved` for the worst case of what is in flight.

    A cap of 0 is none.
    """

    def __init__(self, cap: float = 0.0):
        self.cap, self.spent, self.reserved, self.in_flight = cap, 0.0, 0.0, 0
        self._freed = None

    def begin(self):
        """Start a run in the loop of this thread; nothing is in flight."""
        self.reserved, self.in_flight, self._freed = 0.0, 0, asyncio.Condition()

    def fits(self, worst: float) -> bool:
        return not self.cap or self.spent + self.reserved + worst <= self.cap

    async def reserve(self, worst: float, stop: Stop):
        """Wait until the worst case fits under the cap.

        Raises Stopped, and BudgetReached once nothing in flight can make room.
        """
        if self.cap:
            async with self._freed:
                while not stop and not self.fits(worst):
                    if not self.in_flight:
                        raise self.reached(worst)
                    await self._freed.wait()
        stop.check()
        self.reserved, self.in_flight = self.reserved + worst, self.in_flight + 1

    async def settle(self, worst: float, paid: float):
        """Replace what was reserved by what was paid."""
        self.spent += paid
        self.reserved, self.in_flight = self.reserved - worst, self.in_flight - 1
        if self.cap:
            async with self._freed:
                self._freed.notify_all()

    def account(self, worst: float, stop: Stop) -> "Account":
        """What the tries of one request may cost, each of them at most `worst` dollars."""
        return Account(self, worst, stop)

    def reached(self, worst: float) -> BudgetReached:
        return BudgetReached(
            f"The budget of ${self.cap:.4f} is reached: ${self.spent:.4f} spent, and the next "
            f"request may cost ${worst:.4f}. "
        )


class Account:
    """The tries of one request: each is reserved at its worst case, then paid, lost or free."""

    def __init__(self, budget: Budget, worst: float, stop: Stop):
        self.budget, self.worst, self.stop = budget, worst, stop
        self.lost = 0.0  # dollars of tries whose reply never came
        self._open = False

    async def reserve(self):
        """Make room for the next try; raises Stopped and BudgetReached."""
        if not self._open:
            await self.budget.reserve(self.worst, self.stop)
            self._open = True

    async def settle(self, paid: float):
        """Replace the reservation by what was paid; without one nothing is left to do."""
        if self._open:
            self._open = False
            await self.budget.settle(self.worst, paid)

    async def lose(self):
        """The server may have charged a try whose reply never came: count its worst case."""
        if self._open:
            self.lost += self.worst
            await self.settle(self.worst)
