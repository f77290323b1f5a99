"""What one account or one network can do to a server, one attack each, in the order of the table."""

from . import answers, connections, logins, reads, streams, writes

ATTACKS = [
    *answers.ATTACKS, *streams.ATTACKS, *writes.ATTACKS, *connections.ATTACKS, *logins.ATTACKS, *reads.ATTACKS,
]
