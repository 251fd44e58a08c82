"""What people run at a terminal: commands and benchmarks, by the code they name."""

from loupe.contract.extras import AppCommand

COMMANDS: tuple[AppCommand, ...] = ()
BENCHMARKS: tuple[AppCommand, ...] = ()
