"""`python3 vastdesk-runner.pyz COMMAND`. This file alone must parse on older Pythons, to say that they are too old."""

import sys


def run():
    # type: () -> int
    if sys.version_info < (3, 8):
        sys.stderr.write(
            "vastdesk-runner needs Python 3.8 or newer; %s is %d.%d\n"
            % (sys.executable, sys.version_info[0], sys.version_info[1])
        )
        return 3
    from .cli import main

    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(run())
