"""The command localxsoar; see --help. gevent patches the standard library here, before all other imports, and nowhere else."""
from gevent import events, monkey

# gevent would tell its plug-ins of each module that it patches. To find them, it reads the metadata of all installed packages, 25
# times: a fifth of a second where there are ninety.
events.notify_and_call_entry_points = lambda event: None  # type: ignore[attr-defined]
monkey.patch_all()


def run() -> int:
    from localxsoar.cli import main
    return main()


if __name__ == '__main__':
    import sys

    sys.exit(run())
