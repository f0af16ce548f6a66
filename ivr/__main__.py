"""The entry point of `ivr`: who presses Ctrl-C while it is still imported reads no traceback either."""

from __future__ import annotations


def main() -> None:
    try:
        from ivr.cli import main as ivr  # half a second

        ivr()
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
