"""How a process that serves for months looks for garbage: seldom, and not among what it has loaded for good."""

import gc

# Objects made and not freed before the youngest are looked through, and how many such looks before the older ones are.
# What requests leave behind is freed without any look; Python's own 700 stop a server many times a second for nothing.
_SELDOM = (20_000, 20, 20)


def settle() -> None:
    """To be called once the modules and settings of a server are loaded: from then on looking for garbage passes over
    them (https://docs.python.org/3/library/gc.html#gc.freeze), which took a hub a tenth of a second each time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_SELDOM)
