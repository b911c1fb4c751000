"""The local XSOAR: a stand-in for the server, that runs any integration and takes webhooks for it.

It reads the pack's descriptor, checks the instance's parameters, runs the script in a process of its own over the platform's
line of JSON objects, forwards /instance/execute/NAME to it and keeps the incidents that it creates.

What it does NOT emulate:
- users, permissions, TLS, the platform's own Basic credentials, engines and load-balancing groups;
- Docker: the script runs with this Python and its packages, on this machine's network, without limits on memory;
- playbooks, mapping, classification, lists, jobs, pre-process rules (a drop can be asked for as a fault);
- any demisto call but those in the README; of CommonServerPython it carries a subset (--common-server-python takes the real one);
- any API but the one in the README, which demisto-sdk, demisto-py and the SDK's client use; more than one instance;
- how the real server behaves where that is not public: the order and content of an answer after a Drop rule, the signal and
  the grace with which a container is stopped (here SIGTERM, then SIGKILL), time-outs of the forwarding.
"""
