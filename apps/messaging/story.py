"""Which way is forward: one pure function for messages and for single tries."""

from apps.messaging.models import Status

# A refused message stands below « unknown »: nothing may be called off once it may have left.
# « delivered » is last: whatever was feared before, the person has it.
_RANK = {
    status: rank
    for rank, status in enumerate(
        [
            Status.QUEUED,
            Status.SENDING,
            Status.CANCELLED,
            Status.UNKNOWN,
            Status.SENT,
            Status.FAILED,
            Status.DELIVERED,
        ]
    )
}

DONE = frozenset({Status.CANCELLED, Status.FAILED, Status.DELIVERED})


def forward(old: str, new: str) -> Status:
    """The further of the two: news in any order, any number of times, end the same way."""
    return max(Status(old), Status(new), key=_RANK.__getitem__)
