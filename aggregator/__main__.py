"""`aggregator`, and `python -m aggregator`. Thin on purpose: who presses Ctrl-C while the program loads, or when it has
done everything, is spared the trace that Python makes of that."""

import signal


def main() -> None:
    """The program: a signal ends it at once and without a word, but for the time in which `cli.main` heeds it."""
    signs = [each for each in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(each) != signal.SIG_IGN]  # nohup
    for each in signs:
        signal.signal(each, signal.SIG_DFL)
    from aggregator import cli

    try:
        cli.main()
    finally:
        for each in signs:
            signal.signal(each, signal.SIG_DFL)


if __name__ == "__main__":
    main()
