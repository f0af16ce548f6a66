"""What goes on now: calls, queue, operators, lines and disks; and a supervisor who steps in."""
