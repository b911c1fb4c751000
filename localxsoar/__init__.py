"""The local XSOAR: a stand-in for the server that runs the integrations and scripts of any pack, and takes webhooks for them.

It reads the pack's descriptors, checks the parameters of an instance, runs the script in a process of its own, talks to it
as the server does, forwards /instance/execute/NAME to it, and keeps the incidents that it creates.

What it does NOT emulate:
- users (there is one, admin), permissions, TLS, the platform's own Basic credentials, engines and load-balancing groups;
- other languages than Python 3, and Docker: the script runs with this Python and its packages, on this machine's
  network, without limits on memory;
- playbooks, layouts, mapping, classification, jobs, data sets and XQL, and pre-process rules other than one script for all
  incidents;
- the schedule of mirroring, whose commands run when you run them, and of polling commands, which `--command` runs until
  they are done; a command has 300 s;
- demisto calls, and without a file of replies commands and API requests, other than those in README.md and REFERENCE.md;
- all of CommonServerPython, where this machine lacks that file: a subset takes its place (see --common-server-python);
- behaviour of the real server that is not public: the order and content of a reply after a Drop rule, the signal that
  stops a container and the time until it is killed (here SIGTERM, then SIGKILL), timeouts of the forwarding.
"""
__version__ = '1.1.0'
