"""The command localxsoar; see --help. gevent patches the standard library here, before all other imports, and nowhere else."""
from gevent import monkey

monkey.patch_all()


def run() -> int:
    from localxsoar.cli import main
    return main()


if __name__ == '__main__':
    import sys

    sys.exit(run())
