"""Where a stream of events stands: what to ask for next, and whether what came is the right thing."""

from __future__ import annotations

from . import v1
from .errors import SequenceError

_ACTIVE = (v1.JOB_STATE_UNSPECIFIED, v1.JOB_STATE_PENDING, v1.JOB_STATE_RUNNING)


class Progress:
    """The position in the event log of one job."""

    def __init__(self, after_sequence: int) -> None:
        """Begins after this sequence; 0 is the beginning of the log."""
        self.sequence = after_sequence
        """Last sequence that was handed over."""
        self.finished = False
        """Whether the last event of the job has come."""

    def accept(self, event: v1.ProgressEvent) -> None:
        """Moves on by one event. SequenceError if it is not the next one.

        A heartbeat repeats the sequence of the event before it and moves nothing.
        """
        expected = self.sequence if event.kind == v1.EVENT_KIND_HEARTBEAT else self.sequence + 1
        if event.sequence != expected:
            raise SequenceError(expected, event.sequence)
        self.sequence = event.sequence
        self.finished = event.kind == v1.EVENT_KIND_FINISHED

    def is_end_of(self, job: v1.Investigation | v1.Analysis) -> bool:
        """Whether the log of the job ends here: nothing is left to wait for."""
        return job.status not in _ACTIVE and job.last_sequence == self.sequence
