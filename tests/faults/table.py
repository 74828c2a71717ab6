"""All faults, in the order in which they are printed."""

from tests.faults import (
    call_faults,
    contacts_faults,
    event_stream_faults,
    machine_faults,
    request_faults,
    session_faults,
)
from tests.faults.fault import Fault

FAULTS: tuple[Fault, ...] = (
    *request_faults.FAULTS,
    *session_faults.FAULTS,
    *call_faults.FAULTS,
    *event_stream_faults.FAULTS,
    *contacts_faults.FAULTS,
    *machine_faults.FAULTS,
)
