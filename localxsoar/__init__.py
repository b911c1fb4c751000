"""The local XSOAR: a stand-in for the server that runs any integration and receives webhooks for it.

It reads the pack's descriptor, checks the instance's parameters, runs the script in a process of its own, talks to it over
the line as the server does, forwards /instance/execute/NAME to it and keeps the incidents that it creates.

What it does NOT emulate:
- users, permissions, TLS, the platform's own Basic credentials, engines and load-balancing groups;
- Docker: the script runs with this Python and its packages, on this machine's network, without limits on memory;
- playbooks, mapping, classification, lists, jobs;
- demisto calls other than those in the README, and all of CommonServerPython (it has a subset; --common-server-python
  uses the real file);
- an API other than the one in the README, which demisto-sdk, demisto-py and the SDK's client use;
- behaviour of the real server that is not public: the order and content of a reply after a Drop rule, the signal that
  stops a container and the time until it is killed (here SIGTERM, then SIGKILL), timeouts of the forwarding.
"""
__version__ = '1.1.0'
