"""The real worker, which stops itself between the last look of its n-th call and the write: the worst place for a nap.

python napping.py N worker --ledger ...
"""

import itertools
import os
import signal
import sys

from orchestrator.cli import main
from orchestrator.kore.call import Call

nth, calls = int(sys.argv[1]), itertools.count(1)
real = Call.first_byte


def first_byte(call, connection):
    real(call, connection)
    if next(calls) == nth:
        os.kill(os.getpid(), signal.SIGSTOP)


Call.first_byte = first_byte
main(sys.argv[2:])
