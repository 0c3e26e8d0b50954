"""``python -m lifecycle_fsm.cli`` is ``lifecycle-fsm``."""

from lifecycle_fsm.cli import main

main()
