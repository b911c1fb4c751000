"""python -m localxsoar: see --help. gevent takes over here, before anything else is imported, and nowhere else."""
from gevent import monkey

monkey.patch_all()

if __name__ == '__main__':
    import sys

    from localxsoar.cli import main

    sys.exit(main())
