"""A process of the dummy app's own: waits until it is told to stop."""

import signal

if __name__ == "__main__":
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
