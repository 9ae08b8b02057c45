"""The steps of the daemon's jobs."""

from datetime import datetime

from apscheduler.triggers.interval import IntervalTrigger


class Every(IntervalTrigger):  # type: ignore[misc]  # the library has no types
    """An interval that does not make up for what has passed: by the library's own, a clock in 1970 that is set right
    means a list of every second of fifty years."""

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        """The first time after both."""
        passed = (now - previous) // self.interval if previous and previous < now else 0
        following: datetime | None = super().get_next_fire_time(previous and previous + passed * self.interval, now)
        return following
