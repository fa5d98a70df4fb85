"""For what becomes true by itself a little later: looked at again and again, never longer than some time."""

import time


def awaited(look, is_right, seconds=20):
    """What `look` gives, once `is_right` says so of it; when the time is over, what it gave last, for the caller to assert on."""
    end = time.monotonic() + seconds
    while not is_right(found := look()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def is_empty(found):
    return not found
